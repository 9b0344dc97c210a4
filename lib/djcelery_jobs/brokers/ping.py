"""Ask the broker whether it answers, and nothing else: no queue and no message is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from kombu import Connection

from djcelery_jobs.brokers import options, rabbitmq, redis
from djcelery_jobs.brokers.single_flight import SingleFlight

SECONDS = 0.8  # for each step of the conversation with the broker


@contextmanager
def quick_connection() -> Iterator[Connection]:
    """Open a connection that gives up soon, for observers. Try each node of a cluster once."""
    url = current_app.conf.broker_read_url or ""
    module = rabbitmq if options.kind_of(url) == "rabbitmq" else redis
    with current_app.connection_for_read(connect_timeout=SECONDS, transport_options=module.IMPATIENT) as connection:
        connection.ensure_connection(max_retries=options.node_count(url) - 1, interval_start=0, interval_step=0)
        yield connection


def ping() -> None:
    """Return when the broker has answered. Raise what its client raises when it does not.

    RabbitMQ answers by opening the connection: it has checked the password and the virtual host by then.
    """
    with quick_connection() as connection:
        if connection.transport.driver_type == "redis":
            connection.channel().client.ping()


shared_ping = SingleFlight(ping)
