"""Ask the broker whether it answers, and nothing else: no queue and no message is looked at."""

from djcelery_jobs.brokers.quick_connection import quick_connection
from djcelery_jobs.brokers.single_flight import SingleFlight


def ping() -> None:
    """Return when the broker has answered. Raise what its client raises when it does not.

    RabbitMQ answers by opening the connection: it has checked the password and the virtual host by then.
    """
    with quick_connection() as connection:
        if connection.transport.driver_type == "redis":
            connection.channel().client.ping()


shared_ping = SingleFlight(ping)
