"""Move the messages of RabbitMQ's dead queues to the dead letters, so that there is one place to look.

A message that came too late is dropped, as on Redis, where the worker drops it. Whoever gave it `expires` asked for
that, and nobody needs to look.
"""

import logging
import time
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from djcelery_jobs.brokers.quick_connection import KeptQuickConnection
from djcelery_jobs.brokers.rabbitmq import dead_queue
from djcelery_jobs.core import outbox, stray_messages

logger = logging.getLogger(__name__)

AT_ONCE = 100  # messages in one pass
PAUSE = 30.0  # seconds until a queue that failed is tried again


class DeadQueues:
    """Empty the dead queues over a connection that is kept from one call to the next.

    RabbitMQ may fail to answer for one queue while it serves all others, such as a quorum queue without a leader. That
    queue is tried again after a pause. Neither the other queues nor the relay, which comes next, wait for it.
    """

    def __init__(self) -> None:
        self._connection = KeptQuickConnection()
        self._next_at: dict[str, float] = {}  # on the monotonic clock: when a queue that failed is tried again

    def __call__(self) -> int:
        """Return how many messages they held. Does not raise when the broker is down."""
        if not outbox.breaker.closed:
            return 0
        now = time.monotonic()
        names = [name for name in current_app.amqp.queues if now >= self._next_at.get(name, 0)]
        try:
            return sum(self._drain(name, self._connection.channel()) for name in names)
        except _broker_errors():  # when connecting: no queue can be reached
            logger.warning("the broker is down; its dead queues are emptied later", exc_info=True)
            self._pause(names)
            return 0

    def _drain(self, name: str, channel: Any) -> int:
        try:
            return _drain(name, channel)
        except _broker_errors():
            logger.warning("the dead queue of %s does not answer; it is emptied later", name, exc_info=True)
            self._pause([name])
            self._connection.close()  # its next answer would belong to this question
            return 0
        except Exception:
            self._connection.close()  # the broker takes back what was not acknowledged
            raise

    def _pause(self, names: list[str]) -> None:
        self._next_at |= dict.fromkeys(names, time.monotonic() + PAUSE)


def _broker_errors() -> tuple[type[Exception], ...]:
    connection = current_app.connection_for_read()
    return (*connection.connection_errors, *connection.channel_errors, OperationalError, OSError)


def _drain(name: str, channel: Any) -> int:
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
