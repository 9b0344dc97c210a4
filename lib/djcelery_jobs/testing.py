"""For tests: the real publish path, without a broker and without a worker.

Eager mode calls the task and hides everything between: routes, queues that do not exist, JSON, countdowns, retries
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


@dataclass
class Ran:
    """One execution: which task, from which queue, with what."""

    task: str
    queue: str
    args: list[Any]
    kwargs: dict[str, Any]
    result: Any
    headers: dict[str, Any] = field(repr=False)


@dataclass
class MemoryBroker:
    """The queues of one test."""

    app: Celery

    def drain(self, limit: int = 100) -> list[Ran]:
        """Run what is in the queues and what that puts into them, without waiting for countdowns and commits.

        Returns the executions in order. Raises RuntimeError after `limit` of them: some task publishes itself.
        """
        ran: list[Ran] = []
        while execution := self.run_one() or (self._relay_everything() and self.run_one()):
            ran.append(execution)
            if len(ran) > limit:
                raise RuntimeError(f"more than {limit} executions; does a task publish itself for ever?")
        return ran

    def _relay_everything(self) -> int:
        """As if so much time had passed that every unfinished job is due."""
        Job.objects.filter(state__in=UNFINISHED).update(
            publish_at=timezone.now(), started_at=None, needs_publishing=True
        )
        return relay()

    def run_one(self) -> Ran | None:
        """Run the next message, or None when every queue is empty."""
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
        """How many messages stand in each queue."""
        with self.app.connection_for_read() as connection:
            channel = connection.default_channel
            return {name: _length(channel, name) for name in self.app.amqp.queues}

    def clear(self) -> None:
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
    """The message was taken from the queue with get(); there is no connection left to acknowledge it on."""


def _reject(logger: Any, errors: Any, requeue: bool = False) -> None:
    """As above: a rejected message of this broker is gone."""
