"""Test tasks on the real publish path, without a broker and without a worker.

Eager mode calls the task and hides everything in between: routes, queues that do not exist, JSON, countdowns, retries
as messages. Here a message is published to a broker in memory, and `drain` does what a worker would do with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from celery.worker.request import Request
from django.utils import timezone
from kombu import Message
from kombu.exceptions import ChannelError

from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import UNFINISHED, Job

__all__ = ["MemoryBroker", "Ran", "memory_broker"]


@dataclass
class Ran:
    """Describe one execution: which task, from which queue, with which arguments."""

    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    result: Any
    headers: dict[str, Any] = field(repr=False)


@dataclass
class MemoryBroker:
    """Hold the queues of one test."""

    app: Celery

    def drain(self, limit: int = 100) -> list[Ran]:
        """Run the messages in the queues and those that they lead to, without waiting for countdowns and commits.

        Return the executions in order. Raise RuntimeError after `limit` of them: some task publishes itself.
        """
        ran: list[Ran] = []
        while execution := self.run_one() or (self._relay_everything() and self.run_one()):
            ran.append(execution)
            if len(ran) > limit:
                raise RuntimeError(f"more than {limit} executions; does a task publish itself?")
        return ran

    def _relay_everything(self) -> int:
        """Publish every unfinished job, as if it had become due."""
        Job.objects.filter(state__in=UNFINISHED).update(
            publish_at=timezone.now(), started_at=None, needs_publishing=True
        )
        return relay()

    def run_one(self) -> Ran | None:
        """Run the next message. Return None when every queue is empty."""
        with self.app.connection_for_read() as connection:
            for name, queue in self.app.amqp.queues.items():
                if message := queue(connection.default_channel).get():
                    return self._run(name, message)
        return None

    def _run(self, queue: str, message: Message) -> Ran:
        request = Request(message, app=self.app, on_ack=_acknowledge, on_reject=_reject)
        result = request.execute()
        return Ran(request.name, queue, request.args, request.kwargs, result, dict(message.headers))

    def waiting(self) -> dict[str, int]:
        """Return how many messages wait in each queue."""
        with self.app.connection_for_read() as connection:
            channel = connection.default_channel
            return {name: _length(channel, name) for name in self.app.amqp.queues}

    def clear(self) -> None:
        """Empty every queue."""
        with self.app.connection_for_write() as connection:
            for queue in self.app.amqp.queues.values():
                bound = queue(connection.default_channel)
                bound.declare()
                bound.purge()


@contextmanager
def memory_broker(app: Celery) -> Iterator[MemoryBroker]:
    """Publish for real, into empty queues in memory, until the block ends."""
    eager = app.conf.task_always_eager
    app.conf.task_always_eager = False
    broker = MemoryBroker(app)
    broker.clear()
    try:
        yield broker
    finally:
        broker.clear()
        app.conf.task_always_eager = eager


def _length(channel: Any, queue: str) -> int:
    """Return how many messages wait in a queue. A queue that nobody declared yet has none."""
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except ChannelError:
        return 0


def _acknowledge(logger: Any, errors: Any) -> None:
    """Do nothing: the message was taken with get(), and no connection is left to acknowledge it on."""


def _reject(logger: Any, errors: Any, requeue: bool = False) -> None:
    """Do nothing: a rejected message of this broker is gone."""
