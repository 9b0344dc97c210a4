"""Test tasks on the real publish path, without a broker and without a worker.

Eager mode calls the task and hides everything in between: routes, queues that do not exist, JSON, countdowns, retries
as messages. Here a message is published to a broker in memory, and `drain` does what a worker would do with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import Celery, current_app
from celery.signals import before_task_publish, task_prerun
from celery.worker.request import Request
from django.utils import timezone
from kombu import Message
from kombu.exceptions import ChannelError

from djcelery_jobs.brokers.queue_lengths import queue_of
from djcelery_jobs.core import outbox
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import UNFINISHED, Job

__all__ = ["Dispatch", "Dispatches", "MemoryBroker", "Ran", "memory_broker", "record_dispatches"]


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


@dataclass(frozen=True)
class Dispatch:
    """Describe one job that was dispatched: of which task, with which arguments, to which queue."""

    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    queue: str

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"{self.task}({', '.join(words)}) to the queue {self.queue}"


class Dispatches:
    """List the jobs that were dispatched since record_dispatches() began, without those that were rolled back.

    Durable jobs are read from the database. Jobs of plain tasks are those that were published, or that ran inline.
    """

    def __init__(self) -> None:
        self._before = set(Job.objects.values_list("pk", flat=True))
        self._plain: list[Dispatch] = []

    def all(self) -> list[Dispatch]:
        """Return every job: the durable ones in the order of dispatch, then the others."""
        rows = Job.objects.exclude(pk__in=self._before).order_by("created_at", "pk")
        durable = [Dispatch(job.task, *outbox.arguments(job), job.queue) for job in rows if _is_of_durable(job.task)]
        return durable + self._plain

    def assert_dispatched(
        self,
        task: Any,
        *,
        args: Any = None,
        kwargs: dict[str, Any] | None = None,
        queue: str | None = None,
        count: int | None = None,
    ) -> list[Dispatch]:
        """Fail unless a job of this task was dispatched, and say what was dispatched instead. Return those that match.

        task: a Celery task, a `@task` of Django, or a name. args, kwargs, queue: None for any. count: how many there
        must be; None for at least one, and 0 for none.
        """
        __tracebackhide__ = True
        name = _name_of(task)
        matching = [
            dispatch
            for dispatch in self.all()
            if dispatch.task == name
            and (args is None or dispatch.args == list(args))
            and (kwargs is None or dispatch.kwargs == kwargs)
            and (queue is None or dispatch.queue == queue)
        ]
        if (len(matching) == count) if count is not None else matching:
            return matching
        wanted = {"args": args, "kwargs": kwargs, "queue": queue}
        words = "".join(f", {option}={value!r}" for option, value in wanted.items() if value is not None)
        number = "at least one job" if count is None else f"{count} job{'' if count == 1 else 's'}"
        instead = "\n".join(f"  {dispatch}" for dispatch in self.all()) or "  nothing"
        raise AssertionError(
            f"Expected {number} of {name}{words}; found {len(matching)}. Dispatched in all:\n{instead}\n"
            "A plain task that is dispatched on commit needs a commit: use django_capture_on_commit_callbacks."
        )


@contextmanager
def record_dispatches() -> Iterator[Dispatches]:
    """Record what is dispatched until the block ends: `with record_dispatches() as dispatches: ...`."""
    dispatches = Dispatches()

    def published(sender: str, body: Any, routing_key: str, **kwargs: Any) -> None:
        if not _is_of_durable(sender):
            args, named, *_ = body
            queue = queue_of({"routing_key": routing_key}, sender)
            dispatches._plain.append(Dispatch(sender, list(args), dict(named), queue))

    def began(task: Any, args: Any, kwargs: Any, **other: Any) -> None:
        if task.request.is_eager and not is_durable(task):
            dispatches._plain.append(Dispatch(task.name, list(args), dict(kwargs), queue_of(None, task.name)))

    before_task_publish.connect(published, weak=False)
    task_prerun.connect(began, weak=False)
    try:
        yield dispatches
    finally:
        before_task_publish.disconnect(published)
        task_prerun.disconnect(began)


def _is_of_durable(task: str) -> bool:
    return is_durable(current_app.tasks.get(task))


def _name_of(task: Any) -> str:
    """Return the name of a Celery task, or the path of a `@task`, whose own name is that of the function only."""
    return task if isinstance(task, str) else getattr(task, "module_path", None) or task.name


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
