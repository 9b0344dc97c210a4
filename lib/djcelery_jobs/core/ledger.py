"""The life of a durable job's row. Every change of its state is a function here.

    dispatch ──> WAITING ──begin──> (a worker runs it) ──finish──> DONE
                  ^   ^                  │        │
          relay   │   │ requeue          │again   │bury
                  │   │                  v        v
                 DELAYED <───────────────┘       DEAD ──discard──> DISCARDED

What holds at every moment, whoever is killed:

1. A job exists if and only if the transaction that dispatched it committed, because its row is part of it.
2. An unfinished row has a `publish_at`. When that has passed, the relay publishes it again, under the same id. So no
   job is forgotten, whatever the broker loses.
3. DONE is written in the transaction of the effect, under the row's lock. So the effect is there if and only if the
   row is DONE, and a delivery that finds it DONE, or finds the lock taken, ends quietly.
4. `starts` is written before a run begins and set back when it ends in any orderly way. So it counts the runs that a
   killed process cut off, and begin() refuses the one after MAX_REDELIVERIES.
5. A worker runs at most one suspect at a time: a job that was cut off SUSPECT_STARTS times. So what kills its worker
   each time cannot take the same innocent jobs along until they are dead too.
6. A run that may be alive has no other beside it. One transaction shows by its lock that it is; any other run counts as
   alive for as long as its limit, unless the broker brings back the very message by which it began.
"""

import logging
import random
import traceback
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.republish_delays import run_deadline
from djcelery_jobs.models import Job, State
from djcelery_jobs.storable import text

# failures.py writes to it too: one line for each job that failed for good.
failure = logging.getLogger("djcelery_jobs.failure")

# Jobs of a queue that may have been on their way to a worker when its connection broke, at the most.
ON_THE_WAY = 100


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message of a job that reached a worker.

    one_transaction: the run holds the row's lock from its first effect to its last.
    redelivered: the broker says that the process which had this message before is gone.
    message_id: tells it from other messages of the same job.
    worker: the name of the worker that runs it.
    queue, attempts: what the message says; the row may know better.
    """

    job_id: uuid.UUID
    one_transaction: bool
    redelivered: bool = False
    message_id: str = ""
    worker: str = ""
    queue: str = ""
    attempts: int = 0


def begin(delivery: Delivery) -> Job | None:
    """Count a run that begins now. None: there is nothing to do; it is done, dead, delayed or running elsewhere."""
    job = _begin_first(delivery) or _begin_again(delivery)
    # Looked at after the start is written: of two that begin at one moment, at least one sees the other.
    if job and job.starts > jobs_settings.SUSPECT_STARTS and _beside_another_suspect(job):
        later = timezone.now() + timedelta(seconds=random.uniform(0, jobs_settings.JUST_BEGUN))  # noqa: S311  no secret
        give_back([delivery.job_id], worker=delivery.worker, at=later)
        return None
    return job


def _begin_first(delivery: Delivery) -> Job | None:
    """What nearly all deliveries are: the first of a job that nothing has happened to. One statement."""
    now, alike = timezone.now(), {"queue": delivery.queue, "attempts": delivery.attempts}
    untouched = Job.objects.filter(pk=delivery.job_id, state=State.WAITING, starts=0, expires_at=None, **alike)
    begun = untouched.update(
        starts=1,
        started_at=now,
        worker=delivery.worker[:100],
        message_id=delivery.message_id[:36],
        publish_at=now + run_deadline(delivery.queue),
        publications=0,
    )
    return Job(pk=delivery.job_id, starts=1, started_at=now, attempts=delivery.attempts) if begun else None


def _begin_again(delivery: Delivery) -> Job | None:
    with transaction.atomic():
        job = _locked(delivery.job_id)
        now = timezone.now()
        if job is None or job.state != State.WAITING:
            return None
        job.publications = 0
        if _may_be_running(job, delivery, now):
            if delivery.one_transaction:
                job.publish_at = now + timedelta(seconds=jobs_settings.JUST_BEGUN)
                job.save(update_fields=["publish_at", "publications"])
            return None
        if job.expires_at and job.expires_at < now:
            _end(job, State.DISCARDED, "Expired before a worker was free.")
            return None
        if job.starts > jobs_settings.MAX_REDELIVERIES:
            _end(job, State.DEAD, f"Its process died {job.starts} times while it ran.")
            names = {"task_id": str(delivery.job_id), "task": job.task, "error": "WorkerLostError"}
            transaction.on_commit(lambda: failure.error("task_failure", extra=names))
            return None
        job.starts += 1
        job.started_at, job.worker, job.message_id = now, delivery.worker[:100], delivery.message_id[:36]
        job.publish_at = now + run_deadline(job.queue)
        job.save(update_fields=["starts", "started_at", "worker", "message_id", "publish_at", "publications"])
    return job


@contextmanager
def effect(begun: Job) -> Iterator[bool]:
    """Run the block and finish the job in one transaction. Yields False when another delivery has it; do nothing then.

    begun: what begin() returned.
    """
    row = Job.objects.filter(pk=begun.pk)
    with transaction.atomic():
        ours = bool(row.filter(state=State.WAITING).select_for_update().values_list("pk"))
        yield ours
        if ours:
            row.update(state=State.DONE, finished_at=timezone.now())


def give_back(job_ids: Iterable[object], *, worker: str, at: datetime | None = None) -> None:
    """The worker ended its runs itself: they do not count, and the relay publishes the jobs at once, or at that time.

    A job that another worker runs by now is that one's affair.
    """
    begun = Job.objects.filter(pk__in=job_ids, worker=worker[:100], state=State.WAITING, starts__gt=0)
    begun.update(starts=F("starts") - 1, started_at=None, publish_at=at or timezone.now())


def hasten(job_ids: Iterable[object], *, seconds: float = 0) -> None:
    """No worker has begun these, or they must be asked for again: the relay publishes them at once, or so much later.

    Does not wait for a run: the row that it has locked is left as it is.
    """
    waiting = Job.objects.filter(pk__in=job_ids, state=State.WAITING)
    _publish_at(waiting, timezone.now() + timedelta(seconds=seconds))


def _publish_at(jobs: QuerySet[Job], when: datetime) -> None:
    with transaction.atomic():
        free = list(jobs.select_for_update(skip_locked=_skips()).values_list("pk", flat=True))
        Job.objects.filter(pk__in=free).update(publish_at=when)


def hasten_oldest(queues: Iterable[str]) -> None:
    """A worker's connection to the broker broke. Redis may have sent messages into it that nobody got: those of jobs
    that have waited longest. The relay publishes these at once; a copy of a message that is not lost ends quietly."""
    unbegun = Job.objects.filter(state=State.WAITING, started_at__isnull=True)
    for queue in queues:
        oldest = unbegun.filter(queue=queue).order_by("waiting_since").values_list("pk", flat=True)[:ON_THE_WAY]
        _publish_at(unbegun.filter(pk__in=list(oldest)), timezone.now())


def give_back_all(worker: str) -> int:
    """The worker shuts down and has ended what it ran: that does not count, and the relay publishes it at once."""
    with transaction.atomic():
        running = Job.objects.filter(worker=worker, state=State.WAITING, started_at__isnull=False, starts__gt=0)
        ids = [job.pk for job in running.select_for_update(skip_locked=_skips())]
        return Job.objects.filter(pk__in=ids).update(starts=F("starts") - 1, started_at=None, publish_at=timezone.now())


def again(begun: Job, *, at: datetime) -> None:
    """The run failed in a way that may pass: the relay publishes the job once more, at that time."""
    with transaction.atomic():
        job = _locked(begun.pk, waits=True)
        if job and _is_latest_run(job, begun):
            job.attempts += 1
            _wait(job, State.DELAYED, at)


def bury(begun: Job, error: BaseException) -> None:
    """The run failed for good: keep the job, with its error, for somebody to look at."""
    with transaction.atomic():
        job = _locked(begun.pk, waits=True)
        if job and _is_latest_run(job, begun):
            trace = "".join(traceback.format_exception(error))
            _end(job, State.DEAD, f"{type(error).__name__}: {error}", trace)


def requeue(jobs: QuerySet[Job]) -> int:
    """Send dead jobs again, as if they were new; the relay publishes them. Returns how many."""
    with transaction.atomic():
        dead = list(jobs.filter(state=State.DEAD).select_for_update(skip_locked=_skips()))
        return sum(_requeue(job) for job in dead)


def _requeue(job: Job) -> bool:
    job.attempts, job.finished_at, job.expires_at, job.error, job.traceback = 0, None, None, "", ""
    try:
        with transaction.atomic():
            _wait(job, State.DELAYED, timezone.now())
    except IntegrityError:  # another job with its key is unfinished: that one does the work
        return False
    return True


def discard(jobs: QuerySet[Job]) -> int:
    """Give dead jobs up. Their rows stay until they are pruned. Returns how many."""
    return jobs.filter(state=State.DEAD).update(state=State.DISCARDED, finished_at=timezone.now())


def _may_be_running(job: Job, delivery: Delivery, now: datetime) -> bool:
    if job.started_at is None:
        return False
    if delivery.one_transaction:  # it would hold the lock that we just took, unless it has only begun
        return now < job.started_at + timedelta(seconds=jobs_settings.JUST_BEGUN)
    # Another message of the job may have lost its process, while the one by which the job runs has not.
    process_is_gone = delivery.redelivered and delivery.message_id[:36] == job.message_id
    return not process_is_gone and now < job.started_at + run_deadline(job.queue)


def _is_latest_run(job: Job, begun: Job) -> bool:
    """Of several runs, the first that succeeds finishes the job, but only the one that began last may fail it."""
    return job.state == State.WAITING and job.started_at == begun.started_at


def _beside_another_suspect(job: Job) -> bool:
    running = Job.objects.filter(worker=job.worker, state=State.WAITING, started_at__isnull=False)
    return running.filter(starts__gt=jobs_settings.SUSPECT_STARTS).exclude(pk=job.pk).exists()


def _locked(job_id: object, *, waits: bool = False) -> Job | None:
    """The row, locked until the transaction ends. None: it is not there, or another delivery holds it.

    waits: for the other to let go. A run that has begun must say how it ended.
    """
    return Job.objects.select_for_update(skip_locked=_skips() and not waits).filter(pk=job_id).first()


def _skips() -> bool:
    # SQLite has no row locks and needs none: its transactions come one after the other.
    return connection.features.has_select_for_update_skip_locked


def _wait(job: Job, state: State, publish_at: datetime) -> None:
    job.state, job.publish_at = state, publish_at
    job.starts, job.publications, job.started_at = 0, 0, None
    job.save()


def _end(job: Job, state: State, error: str = "", trace: str = "") -> None:
    job.state, job.finished_at = state, timezone.now()
    job.error, job.traceback = text(error)[:500], text(trace)
    job.save(update_fields=["state", "finished_at", "error", "traceback"])
