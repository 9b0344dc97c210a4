"""Move the messages of RabbitMQ's dead queues to the dead letters, so that there is one place to look.

A message that came too late is dropped, as on Redis, where the worker drops it. Whoever gave it `expires` asked for
that, and nobody needs to look.
"""

import logging
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from djcelery_jobs.brokers.rabbitmq import dead_queue
from djcelery_jobs.core import outbox, stray_messages

logger = logging.getLogger(__name__)

AT_ONCE = 100  # messages in one pass


def drain() -> int:
    """Empty the dead queues. Return how many messages they held. Does not raise when the broker is down."""
    if not outbox.breaker.closed:
        return 0
    try:
        with current_app.pool.acquire(block=True) as connection:
            # `default_channel` would wait forever for the broker, and keep a message that could not be written down.
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
            with connection.channel() as channel:
                return sum(_drain(name, channel) for name in current_app.amqp.queues)
    except (*current_app.connection_for_read().recoverable_connection_errors, OperationalError, OSError):
        logger.warning("the broker is down; its dead queues are emptied later", exc_info=True)
        outbox.breaker.open()
        return 0


def _drain(name: str, channel: object) -> int:
    queue = dead_queue(name)(channel)
    queue.queue_declare()
    count = 0
    while count < AT_ONCE and (message := queue.get()):
        if _is_late(message):
            logger.info("expired before a worker took it: %s", message.headers.get("task"))
        elif not stray_messages.keep(message, f"RabbitMQ gave it up: {_reason(message)}."):
            message.requeue()
            break
        message.ack()
        count += 1
    return count


def _is_late(message: Any) -> bool:
    """Return whether it expired at the time that its sender set. The message of a durable job has no such time."""
    return _reason(message) == "expired" and bool(message.headers.get("expires"))


def _reason(message: Any) -> str:
    """Return why RabbitMQ moved the message here. Anybody can write this header."""
    try:
        return str(message.headers["x-death"][0]["reason"])
    except (LookupError, TypeError):
        return "unknown"
