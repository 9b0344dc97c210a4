"""Ask the broker how much of its memory is used. A Redis that is full accepts no new job."""

from djcelery_jobs.brokers.quick_connection import quick_connection
from djcelery_jobs.brokers.single_flight import SingleFlight


def used_share() -> float | None:
    """Return the share of its memory that Redis uses, as a number from 0 to about 1.

    Of `maxmemory`, or without one of the machine's memory. None for RabbitMQ, which stops publishers by itself and
    says so, and for a server that does not say.
    """
    with quick_connection() as connection:
        if connection.transport.driver_type != "redis":
            return None
        info = connection.channel().client.info("memory")
    limit = int(info.get("maxmemory") or info.get("total_system_memory") or 0)
    return int(info["used_memory"]) / limit if limit and "used_memory" in info else None


shared_used_share = SingleFlight(used_share)
