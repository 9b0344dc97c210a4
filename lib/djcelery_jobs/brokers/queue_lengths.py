"""Ask the broker how many messages wait in each queue, without reading them one by one."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from celery.signals import before_task_publish
from django.conf import settings

from djcelery_jobs.brokers import options, rabbitmq, redis
from djcelery_jobs.brokers.quick_connection import KeptQuickConnection, quick_connection
from djcelery_jobs.brokers.single_flight import SingleFlight

# The header of each message that says since when a worker may run it, in seconds since 1970.
WAITS_SINCE = "waits_since"


@dataclass(frozen=True)
class QueueLength:
    """Describe what waits in a queue.

    messages: those that no worker has received yet.
    since: when the oldest of them could have begun, in seconds since 1970. None: nothing waits, or the broker cannot
        tell.
    """

    messages: int
    since: float | None


@before_task_publish.connect(dispatch_uid="djcelery_jobs.brokers.queue_lengths.stamp_waiting_since")
def stamp_waiting_since(headers: dict[str, Any], **kwargs: Any) -> None:
    """Write into a message that is about to be published since when a worker may run it."""
    headers[WAITS_SINCE] = datetime.fromisoformat(headers["eta"]).timestamp() if headers.get("eta") else time.time()


def queue_of(delivery_info: dict[str, Any] | None, task: str) -> str:
    """Return the declared queue that a message came by, else the one that its task is routed to."""
    came_by = (delivery_info or {}).get("routing_key") or ""
    # RabbitMQ puts the delay of a delayed job in front of its routing key.
    declared = [name for name in settings.WORKLOADS if came_by == name or came_by.endswith(f".{name}")]
    return declared[0] if declared else current_app.amqp.router.route({}, task)["queue"].name


def fetch(queues: Iterable[str] | None = None) -> dict[str, QueueLength]:
    """Ask the broker for the length of each of these queues, by default of each declared one.

    Raise what its client raises, after a few seconds at most. The length of a queue is all that must be answered. The
    age of its oldest message may stay unknown.
    """
    with quick_connection() as connection:
        return _lengths(connection.channel(), settings.WORKLOADS if queues is None else queues)


def _lengths(channel: Any, queues: Iterable[str]) -> dict[str, QueueLength]:
    lengths = {}
    module = rabbitmq if options.broker_kind() == "rabbitmq" else redis
    for name in queues:
        try:
            messages = channel.queue_declare(name, passive=True).message_count
            lengths[name] = QueueLength(messages, module.waits_since(channel, name) if messages else None)
        except channel.connection.client.channel_errors:
            # There is no such queue yet; on Redis, it may also be empty. RabbitMQ closes the channel with this answer,
            # and its client opens the channel again.
            lengths[name] = QueueLength(0, None)
    return lengths


shared_fetch = SingleFlight(fetch)


class LengthReader:
    """Ask for lengths again and again over one connection."""

    def __init__(self) -> None:
        self._connection = KeptQuickConnection()

    def fetch(self, queues: Iterable[str]) -> dict[str, QueueLength]:
        """Return what fetch() does, and raise what it does. Open the connection anew after an error."""
        try:
            return _lengths(self._connection.channel(), queues)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection until the next fetch."""
        self._connection.close()
