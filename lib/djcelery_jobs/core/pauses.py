"""Pause queues, tasks and schedule entries: kept in the database, over restarts of workers, beat and broker.

Dispatching goes on, and so does publishing. What does not happen is a start:

- A durable job is begun by one statement that looks for a pause itself. So none begins once pause() has returned. A
  job whose message reaches a worker all the same is `held`: its row waits for the end of the pause.
- A worker looks for pauses twice a second, stops to consume a paused queue, and tells its processes. The message of a
  plain task that a process has then in its hands becomes a row, which beat publishes again after the pause.
- Beat lets the runs of a paused entry pass.
"""

import logging
from collections.abc import Collection
from hashlib import blake2b
from mmap import mmap
from typing import Any

from celery import current_app
from celery.canvas import maybe_signature
from celery.exceptions import Ignore, Reject
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from kombu.utils.json import dumps, loads

from djcelery_jobs.brokers.queue_lengths import queue_of
from djcelery_jobs.core import ledger, outbox
from djcelery_jobs.models import HeldMessage, Pause, PauseKind

logger = logging.getLogger(__name__)
operations = logging.getLogger("djcelery_jobs.operations")

LIMIT = 500  # pauses at the same time

Name = tuple[str, str]  # a kind and a name


def pause(kind: str, name: str, *, by: str) -> bool:
    """Pause a queue, a task or an entry. Return False when it is paused already. by: who does it, for the log.

    Raise ValueError when LIMIT things are paused.
    """
    if Pause.objects.count() >= LIMIT:
        raise ValueError(f"{LIMIT} things are paused, and that is the limit. Resume some of them first.")
    _, is_new = Pause.objects.get_or_create(kind=kind, name=name[:200], defaults={"paused_by": by[:200]})
    if is_new:
        operations.info("%s paused the %s %s", by, kind, name)
    return is_new


def resume(kind: str, name: str, *, by: str) -> bool:
    """End a pause. Return False when there is none. What was held starts within one tick of beat."""
    ended, _ = Pause.objects.filter(kind=kind, name=name).delete()
    if ended:
        operations.info("%s resumed the %s %s", by, kind, name)
    return bool(ended)


def paused(kind: str) -> set[str]:
    """Return the names of everything of one kind that is paused."""
    return set(Pause.objects.filter(kind=kind).values_list("name", flat=True))


# -- In a worker


class PauseBoard:
    """Tell the processes of a worker what is paused, without a query: a piece of memory that a fork inherits.

    It has two halves. The writer fills the one that nobody reads, then turns to it by changing one byte.
    """

    HALF = 4 + 2 * LIMIT * 8  # bytes: a count, then digests; twice the limit, which two who pause may pass together

    def __init__(self) -> None:
        self.memory: mmap | None = None

    def open(self) -> None:
        """Take the memory. Call it before the worker forks its children."""
        self.memory = mmap(-1, 1 + 2 * self.HALF)

    def write(self, paused: Collection[Name]) -> None:
        """Show what is paused now."""
        if self.memory is None:
            return
        other = 1 - self.memory[0]
        digests = [_digest(*name) for name in paused][: 2 * LIMIT]
        content = len(digests).to_bytes(4, "big") + b"".join(digests)
        start = 1 + other * self.HALF
        self.memory[start : start + len(content)] = content
        self.memory[0] = other

    def _digests(self) -> bytes:
        if self.memory is None:
            return b""
        start = 1 + self.memory[0] * self.HALF
        count = int.from_bytes(self.memory[start : start + 4], "big")
        return self.memory[start + 4 : start + 4 + 8 * count]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is paused. Outside a worker, nothing is paused."""
        return not self._digests()

    def shows(self, *names: Name) -> bool:
        """Return whether one of these is paused."""
        digests, wanted = self._digests(), {_digest(*name) for name in names}
        return any(digests[at : at + 8] in wanted for at in range(0, len(digests), 8))


def _digest(kind: str, name: str) -> bytes:
    return blake2b(f"{kind}:{name}".encode(), digest_size=8).digest()


board = PauseBoard()


def hold_plain(task: Any, args: Any, kwargs: Any) -> None:
    """Keep the message of a plain task that is about to start although its task or queue is paused.

    Raise Ignore when it is kept, and Reject when the database cannot take it: then it returns to its queue.
    """
    request = task.request
    if board.is_empty or request.is_eager:  # an eager task is part of the job around it
        return
    queue = queue_of(request.delivery_info, task.name)
    if not board.shows((PauseKind.QUEUE, queue), (PauseKind.TASK, task.name)):
        return
    signature = task.signature_from_request(request, args, kwargs, queue=queue, retries=request.retries)
    try:
        HeldMessage.objects.create(task_id=request.id, task=task.name, queue=queue, signature=dumps(signature))
    except DatabaseError as error:
        raise Reject("it is paused, and the database cannot keep it", requeue=True) from error
    logger.info("held: its queue or task is paused")
    raise Ignore


# -- In beat


def release_held(limit: int = ledger.BATCH) -> int:
    """Let go on what was held and is not paused any more. Return how many; when that is `limit`, there may be more."""
    paused_queues, paused_tasks = paused(PauseKind.QUEUE), paused(PauseKind.TASK)
    count = ledger.release_held(paused_queues, paused_tasks, limit)
    if count < limit and outbox.breaker.closed:
        count += _publish_held(HeldMessage.objects.exclude(_named(paused_queues, paused_tasks)).order_by("pk")[:limit])
    return min(count, limit)


def _named(queues: Collection[str], tasks: Collection[str]) -> Q:
    return Q(queue__in=queues) | Q(task__in=tasks)


def _publish_held(messages: QuerySet[HeldMessage]) -> int:
    """Publish messages, and then delete them: a kill in between publishes one twice, as a broker may deliver twice."""
    count = 0
    for message in messages:
        if message.task not in current_app.tasks:  # a deploy is under way; the rest is not worth less
            continue
        try:
            maybe_signature(loads(message.signature), app=current_app).apply_async()
        except outbox.FAULTS_OF_A_JOB:
            logger.exception("cannot publish the held message of %s %s", message.task, message.task_id)
            continue
        except Exception:
            logger.warning("the broker accepted no held message; trying again later", exc_info=True)
            outbox.breaker.open()
            break
        message.delete()
        count += 1
    return count
