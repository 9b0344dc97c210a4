"""Connect to the broker as an observer, who gives up soon: a page or a probe waits for the answer."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from celery import current_app
from kombu import Connection

from djcelery_jobs.brokers import options, rabbitmq, redis

SECONDS = 0.8  # for each step of the conversation with the broker


@contextmanager
def quick_connection() -> Iterator[Connection]:
    """Open a connection that gives up soon, for observers. Try each node of a cluster once."""
    url = current_app.conf.broker_read_url or ""
    module = rabbitmq if options.kind_of(url) == "rabbitmq" else redis
    with current_app.connection_for_read(connect_timeout=SECONDS, transport_options=module.IMPATIENT) as connection:
        connection.ensure_connection(max_retries=options.node_count(url) - 1, interval_start=0, interval_step=0)
        yield connection


class KeptQuickConnection:
    """Keep a quick connection for several questions: to open one costs ten times as much as to ask."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._channel: Any = None

    def channel(self) -> Any:
        """Return its channel. Open the connection if it is closed. Raise what the broker's client raises."""
        if self._channel is None:
            connection = self._opened.enter_context(quick_connection())
            try:
                self._channel = connection.channel()
            except Exception:
                self.close()
                raise
        return self._channel

    def close(self) -> None:
        """Close the connection until the next question. Call it after each error."""
        self._channel = None
        self._opened.close()
