"""RabbitMQ's own dead queues, emptied into the dead letters, so that there is one place to look."""

import logging
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from djcelery_jobs.brokers.rabbitmq import dead_queue
from djcelery_jobs.core import outbox, stray_messages

logger = logging.getLogger(__name__)

AT_ONCE = 100  # messages in one pass


def drain() -> int:
    """Take what is in the dead queues. Returns how many messages. Does not raise when the broker is away."""
    if not outbox.breaker.closed:
        return 0
    try:
        with current_app.pool.acquire(block=True) as connection:
            # `default_channel` would wait for the broker for ever, and keep a message that could not be written down.
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
            with connection.channel() as channel:
                return sum(_drain(name, channel) for name in current_app.amqp.queues)
    except (*current_app.connection_for_read().recoverable_connection_errors, OperationalError, OSError):
        logger.warning("the broker is away; its dead queues are looked at later", exc_info=True)
        outbox.breaker.open()
        return 0


def _drain(name: str, channel: object) -> int:
    queue = dead_queue(name)(channel)
    queue.queue_declare()
    taken = 0
    while taken < AT_ONCE and (message := queue.get()):
        if not stray_messages.keep(message, f"RabbitMQ gave it up: {_reason(message)}."):
            message.requeue()
            break
        message.ack()
        taken += 1
    return taken


def _reason(message: Any) -> str:
    """Return why RabbitMQ moved the message here. Anybody can write this header."""
    try:
        return str(message.headers["x-death"][0]["reason"])
    except (LookupError, TypeError):
        return "unknown"
