"""Change the state of a durable job's row. Nothing outside of this file does.

    dispatch ──> WAITING ──begin──> (a worker runs it) ──complete_in_transaction──> DONE
                    ^                  │            │
                    │ relay            │ schedule_  │ mark_dead
                    │                  v retry      v
    dispatch ──> DELAYED <─────────────┘           DEAD ──discard──> DISCARDED
    with an eta     ^  ^       snooze               │
                    │  └────────requeue─────────────┘
    dispatch ────> NEXT  (relay: when the job that runs with its key has ended)
    with a key

    WAITING, DELAYED, NEXT ──cancel──> CANCELLED   (a run that may be alive is ended first)
    CANCELLED ──requeue──> DELAYED

These invariants hold at every moment, whichever process is killed:

1. A job exists if and only if the transaction that dispatched it committed, because its row is part of it.
2. An unfinished row has a `publish_at`. Once that time has passed, the relay publishes the row again, under the same
   id. So no job is forgotten, whatever the broker loses. A row that is `held` by a pause is due when the pause ends.
3. DONE is written in the transaction of the effect, under the row's lock. So the effect exists if and only if the row
   is DONE, and a delivery that finds the row DONE or locked ends quietly.
4. `starts` is written before a run begins and set back when the run ends in an orderly way. So it counts the runs that
   were cut off because their process was killed, and begin() refuses the one after MAX_REDELIVERIES.
   It is committed by itself, since it must survive the kill that rolls the run back. Only a crash of the database
   server can forget the start of a run in one transaction: one that it has rolled back as well.
5. A worker runs at most one suspect at a time: a job that was cut off SUSPECT_STARTS times. So a job that kills its
   worker each time cannot take the same innocent jobs along until they are dead too.
6. A run that may be alive has no other beside it. A run in one transaction proves by its lock that it is alive. Any
   other run counts as alive until its limit has passed, unless the broker brings back the message that it began with.
7. Nothing begins while a Pause of its queue or task exists, because begin() looks for one in the statement that begins.
8. A job that somebody asked to cancel becomes DONE or CANCELLED, and nothing else. The statement that marks it DONE
   looks for the Cancellation. If there is one, the transaction of the effect is rolled back.

On PostgreSQL a run takes two round trips (round_trips.py): the first commits its start and locks its row, the second
marks the job DONE and commits. Each statement has the same effect as where it is sent alone.
"""

import logging
import os
import random
import sys
import traceback
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from django.db import DataError, IntegrityError, connections, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import round_trips, run_counts
from djcelery_jobs.core.republish_delays import republish_delay, run_deadline
from djcelery_jobs.core.round_trips import BEGIN, COMMIT, Statement
from djcelery_jobs.core.task import WORKER_LOST
from djcelery_jobs.models import (
    HAS_KEY,
    UNFINISHED,
    Cancellation,
    Job,
    Pause,
    PauseKind,
    State,
    Tally,
    atomic,
    database,
    database_alias,
)
from djcelery_jobs.storable import class_path, error_text, text

logger = logging.getLogger(__name__)
# failures.py writes to it too: one line for each job that failed for good.
failure = logging.getLogger("djcelery_jobs.failure")

BATCH = 500  # rows in one statement
# Jobs of a queue that may have been on their way to a worker when its connection broke, at most.
IN_TRANSIT = 100
# The options of a job that name the tasks which follow it.
FOLLOWERS = ("chain", "link", "link_error")
# When a held job would be due, if its pause did not end before: so far off that the relay does not read past it.
WHILE_HELD = timedelta(days=3650)
# Attempts to find or insert the job for a key, while others with the key begin and end.
KEY_ATTEMPTS = 5
EARLIER_RUNS = 100  # entries that a row keeps, the newest
RETURN_VALUE = Job._meta.get_field("return_value")


class TransactionEndedError(RuntimeError):
    """Say that a task ended the transaction in which it was running, so that its effect may be gone."""


class CancelledError(Exception):
    """Say that somebody cancelled the job while it ran. Its transaction is rolled back."""


class GivenUpError(Exception):
    """Say that a job is dead now because the processes that ran it died too often."""

    def __init__(self, message: str, job: Job | None = None) -> None:
        super().__init__(message)
        self.job = job


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Describe a message of a job that reached a worker.

    task: of the message. Its arguments, its followers and its number of attempts are those of the row.
    one_transaction: the run holds the row's lock from its first effect to its last.
    redelivered: the broker says that the process which had this message before is gone.
    message_id: tells the message from other messages of the same job.
    worker: the name of the worker that runs it.
    queue: that it came by; the row may name another.
    """

    job_id: uuid.UUID
    task: str
    one_transaction: bool
    redelivered: bool = False
    message_id: str = ""
    worker: str = ""
    queue: str = ""


# -- Creating rows


def new_job(*, eta: datetime | None = None, **fields: Any) -> Job:
    """Return an unsaved job, due at `eta`, or at once when that is None."""
    now = timezone.now()
    return Job(
        state=State.DELAYED if eta else State.WAITING,
        publish_at=eta or now + republish_delay(fields["queue"], 0),
        waiting_since=None if eta else now,
        **fields,
    )


def leave_to_relay(jobs: Iterable[Job]) -> None:
    """Let the relay publish these unsaved jobs as soon as they are committed."""
    for job in jobs:
        job.publish_at, job.needs_publishing = timezone.now(), True


def create(jobs: list[Job]) -> list[Job]:
    """Insert jobs into the caller's transaction, and return them.

    Raises IntegrityError when the id of one is already that of another job.
    """
    if len(jobs) > 1:
        return Job.objects.bulk_create(jobs, batch_size=BATCH)
    for job in jobs:
        _insert(job)
    return jobs


def create_if_missing(job: Job) -> None:
    """Insert a job unless there is one with its id."""
    Job.objects.bulk_create([job], ignore_conflicts=True)


def create_for_key(job: Job) -> tuple[Job, bool]:
    """Insert a job unless another with its key is yet to begin. Return the job that will run, and whether it is new.

    A job that is yet to begin does not do so before the caller's transaction ends, so that it sees what the caller
    changed. One that has begun may have missed it: then the new job is the next to run after that one.

    Raise IntegrityError when the id is already that of another job, ValueError when the key is another task's.
    """
    unfinished = Job.objects.filter(key=job.key, state__in=UNFINISHED)
    expired = unfinished.filter(started_at=None, expires_at__lt=timezone.now())
    _count([job] * expired.update(state=State.DISCARDED, finished_at=timezone.now()), EXPIRED_OUTCOME)  # of its task
    first_state = job.state
    for _ in range(KEY_ATTEMPTS):
        Job.objects.bulk_create([job], ignore_conflicts=True)
        if unbegun := _hold_back(unfinished.filter(started_at=None)):
            _require_same_task(unbegun, job)
            return unbegun, unbegun.pk == job.pk
        running = unfinished.first()
        if running:
            _require_same_task(running, job)
        job.state = State.NEXT if running else first_state
    raise IntegrityError(f"There is a job {job.pk} already, or those with the key {job.key} begin and end too fast.")


def _hold_back(unbegun: QuerySet[Job]) -> Job | None:
    """Return one of these jobs, locked so that no worker begins it before the transaction ends.

    The lock is shared: callers with the same keys in another order do not wait for each other.
    """
    if database().vendor != "postgresql":
        return unbegun.first()
    sql, params = unbegun.query.get_compiler(using=database_alias()).as_sql()
    return next(iter(Job.objects.raw(f"{sql} FOR SHARE", params)), None)


def _require_same_task(unfinished: Job, job: Job) -> None:
    if unfinished.task != job.task:
        raise ValueError(f"The key {job.key} has an unfinished job of {unfinished.task}. Name the task in the key.")


def record_failure(
    job_id: uuid.UUID, *, task: str, error: str, trace: str, error_class: str = "", **fields: Any
) -> None:
    """Insert a DEAD row for the job of a plain task that failed, or overwrite the row of its last failure.

    A row of any other job with this id is left alone; the failure gets a row with an id of its own then.
    """
    now = timezone.now()
    fields |= {"state": State.DEAD, "error": text(error)[:500], "traceback": text(trace)}
    fields |= {"error_class": text(error_class)[:200]}
    fields |= {"publish_at": now, "finished_at": now}
    if Job.objects.filter(pk=job_id, task=task, state__in=[State.DEAD, State.DISCARDED]).update(**fields):
        return
    if Job.objects.filter(pk=job_id).exists():
        job_id = uuid.uuid4()
    Job.objects.create(pk=job_id, task=task, **fields)


# -- Running


def begin(delivery: Delivery) -> Job | None:
    """Count a run that begins now, and return its job.

    Return None when there is nothing to do: the job is done, dead, delayed or running elsewhere. Raise GivenUpError
    when it is dead by this call.
    """
    job = _begin_first(delivery) or _begin_again(delivery)
    if job and job.state == State.DEAD:
        raise GivenUpError(job.error, job)
    # Checked after the start is written: of two that begin at the same moment, at least one sees the other.
    if job and job.starts > jobs_settings.SUSPECT_STARTS and _beside_another_suspect(job):
        later = timezone.now() + timedelta(seconds=random.uniform(0, jobs_settings.JUST_BEGUN))  # noqa: S311  no secret
        release([delivery.job_id], worker=delivery.worker, at=later)
        return None
    return job


def _begin_first(delivery: Delivery) -> Job | None:
    """Begin the first run of an untouched job, as nearly all deliveries are, in one statement."""
    connection = database()
    if not connection.features.can_return_columns_from_insert:  # SQLite before 3.35
        return None
    statement = _first_start(delivery, timezone.now())
    if round_trips.are_possible(connection):
        [rows] = round_trips.execute(connection, statement)
    else:
        with _executed(statement) as cursor:
            rows = cursor.fetchall()
    return _from_row(rows[0]) if rows else None


def _first_start(delivery: Delivery, now: datetime) -> Statement:
    """Return the statement that counts the start of an untouched job, and returns its row."""
    is_cheap = delivery.one_transaction and database().vendor == "postgresql"
    began = now, delivery.worker[:100], delivery.message_id[:36], now + run_deadline(delivery.queue)
    untouched = delivery.job_id, delivery.task, delivery.queue, str(State.WAITING)
    return Statement(START_CHEAPLY if is_cheap else START, [*began, *untouched])


def _begin_again(delivery: Delivery) -> Job | None:
    with atomic():
        job = _lock(delivery.job_id)
        now = timezone.now()
        if job is None or job.state != State.WAITING:
            return None
        if job.task != delivery.task:
            logger.error("a message for %s has the id of a job of %s: %s", delivery.task, job.task, job.pk)
            return None
        job.publications = 0
        if _may_be_running(job, delivery.one_transaction, now, _process_is_gone(job, delivery)):
            if delivery.one_transaction:
                job.publish_at = now + timedelta(seconds=jobs_settings.JUST_BEGUN)
                job.save(update_fields=["publish_at", "publications"])
            return None
        if cancellation := _cancellation(job):
            _cancel(job, cancellation.requested_by)
            return None
        if job.expires_at and job.expires_at < now:
            _finish(job, State.DISCARDED, "Expired before a worker was free.")
            _count([job], EXPIRED_OUTCOME)
            return None
        if job.starts > jobs_settings.MAX_REDELIVERIES:
            _finish(job, State.DEAD, f"Its process died {job.starts} times while it ran.", error_class=WORKER_LOST)
            return job
        if job.started_at:
            _remember_run(job, "Its process died while it ran.", WORKER_LOST)
        if _pauses(job.queue, job.task).exists():
            job.held, job.started_at, job.publish_at = True, None, now + WHILE_HELD
            job.save(update_fields=["held", "started_at", "publish_at", "publications", "earlier_runs"])
            return None
        job.starts, job.held = job.starts + 1, False
        job.started_at, job.worker, job.message_id = now, delivery.worker[:100], delivery.message_id[:36]
        job.publish_at = now + run_deadline(job.queue)
        job.save(update_fields=BEGUN)
    return job


# What a run that begins changes.
BEGUN = ["starts", "started_at", "worker", "message_id", "publish_at", "publications", "earlier_runs", "held"]


def _may_be_running(job: Job, one_transaction: bool, now: datetime, process_is_gone: bool = False) -> bool:
    """Return whether a run of this locked job may be alive."""
    if job.started_at is None:
        return False
    if one_transaction:  # it would hold the lock that we just took, unless it has only begun
        return now < job.started_at + timedelta(seconds=jobs_settings.JUST_BEGUN)
    return not process_is_gone and now < job.started_at + run_deadline(job.queue)


def _process_is_gone(job: Job, delivery: Delivery) -> bool:
    # Another message of the job may have lost its process, while the one by which the job runs has not.
    return delivery.redelivered and delivery.message_id[:36] == job.message_id


def _pauses(queue: str, task: str) -> QuerySet[Pause]:
    return Pause.objects.filter(Q(kind=PauseKind.QUEUE, name=queue) | Q(kind=PauseKind.TASK, name=task))


def _beside_another_suspect(job: Job) -> bool:
    running = Job.objects.filter(worker=job.worker, state=State.WAITING, started_at__isnull=False)
    return running.filter(starts__gt=jobs_settings.SUSPECT_STARTS).exclude(pk=job.pk).exists()


@contextmanager
def complete_in_transaction(begun: Job) -> Iterator[Job | None]:
    """Run the block and mark the job DONE in one transaction.

    Yield None when another delivery has completed the job, or is about to; the block must do nothing then. Raise
    TransactionEndedError when the block has ended the transaction, and CancelledError when somebody has cancelled the
    job meanwhile. A child process that the block forks ends here.

    begun: the job that begin() returned. It is DONE afterwards, if it was completed here. Its `return_value` is kept.
    """
    is_joined = round_trips.are_possible(database())
    with _completing(partial(_lock_unfinished, begun, is_joined), is_joined=is_joined) as ours:
        yield ours


@contextmanager
def first_run(delivery: Delivery) -> Iterator[Job | None]:
    """Begin the first run of a job that is one transaction, run the block, and mark the job DONE.

    Do what begin() and complete_in_transaction() do: the start is committed by itself, and the row is locked in the
    same round trip. Yield None when a worker has begun the job before, when something else keeps it from beginning, or
    when the database cannot take several statements at once. Then begin() decides.
    """
    if not round_trips.are_possible(database()):
        yield None
        return
    with _completing(partial(_begin_and_lock, delivery), is_joined=True) as job:
        yield job


@contextmanager
def _completing(lock: Callable[[], tuple[Job, str] | None], *, is_joined: bool) -> Iterator[Job | None]:
    """Run the block between the lock of the row and the statement that marks it DONE.

    lock: returns the job that it has locked, and the id of the transaction: elsewhere than on PostgreSQL "0".
    is_joined: the transaction begins at the server together with the lock, and commits together with the mark.
    """
    process, connection, job = os.getpid(), database(), None
    try:
        with atomic():
            job, transaction_id = lock() or (None, "")
            try:
                yield job
            except Exception as error:
                if connection.closed_in_transaction:
                    raise TransactionEndedError(TRANSACTION_ENDED) from error
                raise
            finally:
                if os.getpid() != process:
                    os._exit(_exit_status(sys.exception()))  # it must not speak on its parent's connection
            if job:
                _mark_done(job, transaction_id, is_joined)
    except _NotMarkedError as error:
        if job and not error.is_closed and Cancellation.objects.filter(pk=job.pk).exists():
            raise CancelledError from None
        raise TransactionEndedError(TRANSACTION_ENDED) from None
    if job:
        job.state = State.DONE


class _NotMarkedError(Exception):
    """Say that the row was not marked DONE, because the transaction has ended or the job is cancelled."""

    def __init__(self, is_closed: bool = False) -> None:
        super().__init__()
        self.is_closed = is_closed


TRANSACTION_ENDED = (
    "The task ended the transaction that it runs in: by close_old_connections(), connection.close(), a COMMIT or "
    "ROLLBACK of its own, or a forked child. Leave the connection alone, or set one_transaction=False."
)


def _begin_and_lock(delivery: Delivery) -> tuple[Job, str] | None:
    """Begin the first run of an untouched job, commit that, and lock its row in the transaction of the run."""
    now = timezone.now()
    lock = Statement(f"{LOCK_UNFINISHED} {OF_THIS_START}", [delivery.job_id, str(State.WAITING), now])
    _, begun, _, _, locked = round_trips.execute(database(), BEGIN, _first_start(delivery, now), COMMIT, BEGIN, lock)
    return (_from_row(begun[0]), locked[0][0]) if begun and locked else None


def _lock_unfinished(begun: Job, is_joined: bool) -> tuple[Job, str] | None:
    """Lock the row of a job that is not finished."""
    connection, values = database(), [begun.pk, str(State.WAITING)]
    if is_joined:
        _, rows = round_trips.execute(connection, BEGIN, Statement(f"{LOCK_UNFINISHED} FOR UPDATE", values))
    else:
        sql = f"{LOCK_UNFINISHED} FOR UPDATE" if connection.vendor == "postgresql" else SELECT_UNFINISHED
        with _executed(Statement(sql, values)) as cursor:
            rows = cursor.fetchall()
    return (begun, rows[0][0]) if rows else None


def _mark_done(begun: Job, transaction_id: str, is_joined: bool) -> None:
    """Mark the job DONE, and commit if that is possible with it. Raise _NotMarkedError if its transaction has ended."""
    connection = database()
    if connection.closed_in_transaction:
        raise _NotMarkedError(is_closed=True)
    if connection.vendor == "sqlite" and not connection.connection.in_transaction:
        raise _NotMarkedError
    begun.finished_at = timezone.now()
    returned = RETURN_VALUE.get_db_prep_save(begun.return_value, connection)
    sql, checked = (MARK_DONE_IN, [transaction_id]) if connection.vendor == "postgresql" else (MARK_DONE, [])
    values = [str(State.DONE), begun.finished_at, returned, begun.pk, str(State.WAITING), *checked]
    if is_joined:
        try:
            round_trips.execute(connection, Statement(MARK_DONE_OR_FAIL, values), COMMIT)
        except DataError as error:
            if NOT_MARKED in str(error):
                raise _NotMarkedError from None
            raise
        return
    with _executed(Statement(sql, values)) as cursor:
        if not cursor.rowcount:
            raise _NotMarkedError


def _exit_status(error: BaseException | None) -> int:
    """Return the status with which Python ends a process over this error."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return error.code or 0
    return 0 if error is None else 1


def schedule_retry(begun: Job, *, at: datetime, error: BaseException | None = None) -> None:
    """Let the relay publish the job once more at that time, after its run failed in a way that may pass."""
    with atomic():
        job = _lock(begun.pk, wait=True)
        if job and _is_latest_run(job, begun) and not _cancel_if_asked(job):
            _remember_run(job, error_text(error) if error else "", class_path(error) if error else "")
            job.attempts += 1
            _delay(job, at)


def snooze(begun: Job, *, at: datetime) -> None:
    """Let the relay publish the job once more at that time, because its run asked for it. This is not an attempt."""
    with atomic():
        job = _lock(begun.pk, wait=True)
        if job and _is_latest_run(job, begun) and not _cancel_if_asked(job):
            _delay(job, at)


def mark_dead(begun: Job, error: BaseException) -> None:
    """Keep the job with its error for somebody to look at, after its run failed for good. `begun` is DEAD then."""
    with atomic():
        job = _lock(begun.pk, wait=True)
        if job and _is_latest_run(job, begun) and not _cancel_if_asked(job):
            trace = "".join(traceback.format_exception(error))
            _finish(job, State.DEAD, error_text(error), trace, class_path(error))
            for name in FINISHED:
                setattr(begun, name, getattr(job, name))


def _is_latest_run(job: Job, begun: Job) -> bool:
    """Return whether this run may fail the job.

    Of several runs, the first that succeeds finishes the job, but only the one that began last may fail it.
    """
    return job.state == State.WAITING and job.started_at == begun.started_at


def release(job_ids: Iterable[object], *, worker: str, at: datetime | None = None) -> None:
    """Take back the starts of runs that the worker ended itself, and publish the jobs at `at`, or at once.

    A job that another worker runs by now is left alone.
    """
    begun = Job.objects.filter(pk__in=job_ids, worker=worker[:100], state=State.WAITING, starts__gt=0)
    _release(begun, at or timezone.now())


def release_all(worker: str) -> int:
    """Release every job that a worker ran when it shut down. Return how many."""
    with atomic():
        running = Job.objects.filter(worker=worker, state=State.WAITING, started_at__isnull=False, starts__gt=0)
        ids = [job.pk for job in running.select_for_update(skip_locked=_can_skip_locked())]
        return _release(Job.objects.filter(pk__in=ids), timezone.now())


def _release(jobs: QuerySet[Job], publish_at: datetime) -> int:
    return jobs.update(starts=F("starts") - 1, started_at=None, publish_at=publish_at, needs_publishing=True)


# -- Publishing


def count_due() -> dict[str, int]:
    """Return the queues that have due jobs, each with how many of these should still have a message there."""
    return dict(_due().values_list("queue").annotate(at_broker=Count("pk", filter=AT_BROKER)))


def are_many_due() -> bool:
    """Return whether the relay has a whole batch of due jobs to look at."""
    return _due()[:BATCH].count() == BATCH


def count_at_broker(queue: str) -> int:
    """Return of how many jobs the queue should still hold a message, because no worker has begun them."""
    return Job.objects.filter(AT_BROKER, queue=queue).count()


def is_at_broker(job: Job) -> bool:
    """Return whether the broker should still hold a message of the job."""
    return job.state == State.WAITING and job.started_at is None and not job.needs_publishing and not job.held


# The same, for a query.
AT_BROKER = Q(state=State.WAITING, started_at__isnull=True, needs_publishing=False, held=False)


def lock_due(limit: int) -> list[Job]:
    """Lock and return the jobs that the relay must look at now, `limit` at most. Must be called in a transaction."""
    return list(_due().order_by("publish_at").select_for_update(skip_locked=_can_skip_locked())[:limit])


def _due() -> QuerySet[Job]:
    return Job.objects.filter(state__in=UNFINISHED, held=False, publish_at__lte=timezone.now())


def take_turn(job: Job) -> bool:
    """Return whether a locked job may be published now. One that is next for its key waits until the key is free."""
    if job.state != State.NEXT:
        return True
    if not Job.objects.filter(key=job.key, state__in=HAS_KEY).exists():
        try:
            with atomic():
                Job.objects.filter(pk=job.pk).update(state=State.DELAYED)
        except IntegrityError:  # a new job has just got the key; this one runs after it
            pass
        else:
            return True
    job.publish_at = timezone.now() + timedelta(seconds=jobs_settings.JUST_BEGUN)
    job.save(update_fields=["publish_at"])
    return False


def count_publication(jobs: Iterable[Job]) -> None:
    """Note that the relay looks at these locked jobs now, and when it does so again.

    Take one statement for all jobs that change alike: after an outage there are thousands, of a few kinds.
    """
    now, alike = timezone.now(), defaultdict(list)
    for job in jobs:
        alike[job.queue, job.publications].append(job.pk)
    for (queue, publications), ids in alike.items():
        Job.objects.filter(pk__in=ids).update(
            state=State.WAITING,
            publications=publications + 1,
            publish_at=now + republish_delay(queue, publications),
            needs_publishing=False,
            waiting_since=Coalesce("waiting_since", now),
        )


def queues_looked_at_rarely() -> list[str]:
    """Return the queues with jobs that the relay looks at more rarely than at first."""
    return list(Job.objects.filter(RARELY_LOOKED_AT).order_by().values_list("queue", flat=True).distinct())


def look_early(queue: str, limit: int) -> int:
    """Let the relay look now at jobs that wait for a rare look, `limit` at most, those that wait longest first.

    Those that it looked at a moment ago are left out. Return how many they were.
    """
    now = timezone.now()
    rare = Job.objects.filter(RARELY_LOOKED_AT & _looked_at_before(queue, now), queue=queue)
    oldest = list(rare.order_by("waiting_since").values_list("pk", flat=True)[:limit])
    return sum(
        # One publication, as if the last look had been one short wait ago: the waits double anew from there.
        Job.objects.filter(RARELY_LOOKED_AT, pk__in=oldest[start : start + BATCH]).update(
            publish_at=now, publications=1
        )
        for start in range(0, len(oldest), BATCH)
    )


def _looked_at_before(queue: str, now: datetime) -> Q:
    """Return the jobs that are not due and whose last look is at least the shortest wait ago."""
    most, shortest, condition = jobs_settings.REPUBLISH_DOUBLINGS + 1, republish_delay(queue, 0), Q()
    for publications in range(2, most + 1):
        until = now + republish_delay(queue, publications - 1) - shortest
        alike = Q(publications__gte=most) if publications == most else Q(publications=publications)
        condition |= alike & Q(publish_at__gt=now, publish_at__lte=until)
    return condition


# With more publications than one the wait has doubled; a run that begins sets them to 0.
RARELY_LOOKED_AT = AT_BROKER & Q(publications__gte=2)


def postpone_unsendable(job: Job, reason: str) -> None:
    """Let a locked job that this code cannot send wait for a deploy, and mark it dead after DEPLOY_WAIT seconds."""
    now = timezone.now()
    if job.created_at > now - timedelta(seconds=jobs_settings.DEPLOY_WAIT):
        job.publish_at = now + timedelta(seconds=jobs_settings.DEPLOY_WAIT / 10)
        job.save(update_fields=["publish_at"])
        return
    _finish(job, State.DEAD, reason)
    _report_failure_at_commit(job, reason)


def publish_now(job_ids: Iterable[object], *, seconds: float = 0) -> None:
    """Let the relay publish jobs at once, or that many seconds later, because the broker may have lost their messages.

    A row that a run has locked is left as it is: nobody waits for a run.
    """
    waiting = Job.objects.filter(pk__in=job_ids, state=State.WAITING)
    _publish_at(waiting, timezone.now() + timedelta(seconds=seconds))


def publish_oldest_now(queues: Iterable[str]) -> None:
    """Let the relay publish the jobs that have waited longest, after a worker lost its connection to the broker.

    Redis may have sent messages into the broken connection that nobody received: those of the oldest jobs. A copy of a
    message that was not lost ends quietly.
    """
    unbegun = Job.objects.filter(state=State.WAITING, started_at__isnull=True, held=False)
    for queue in queues:
        oldest = unbegun.filter(queue=queue).order_by("waiting_since").values_list("pk", flat=True)[:IN_TRANSIT]
        _publish_at(unbegun.filter(pk__in=list(oldest)), timezone.now())


def _publish_at(jobs: QuerySet[Job], when: datetime) -> None:
    with atomic():
        unlocked = list(jobs.select_for_update(skip_locked=_can_skip_locked()).values_list("pk", flat=True))
        Job.objects.filter(pk__in=unlocked).update(publish_at=when, needs_publishing=True)


# -- Decisions of people


SENT_AGAIN = [State.DEAD, State.CANCELLED]
# What a job without a past looks like.
AS_NEW: dict[str, Any] = {"attempts": 0, "finished_at": None, "expires_at": None, "error": "", "traceback": ""}
AS_NEW |= {"error_class": "", "earlier_runs": None}
AS_NEW |= {"cancelled_by": "", "starts": 0, "publications": 0, "started_at": None, "waiting_since": None, "held": False}


def requeue(jobs: QuerySet[Job]) -> int:
    """Let the relay publish dead or cancelled jobs again as if they were new. Return how many."""
    with atomic():
        ended = jobs.filter(state__in=SENT_AGAIN).select_for_update(skip_locked=_can_skip_locked())
        keys = dict(ended.values_list("pk", "key"))
        with_key = [pk for pk, key in keys.items() if key]
        count = _requeue(keys.keys() - with_key)
        for pk in with_key:
            try:
                with atomic():
                    count += _requeue([pk])
            except IntegrityError:  # another job with its key is unfinished: that one does the work
                continue
        return count


def _requeue(ids: Collection[object]) -> int:
    """Delay locked jobs until now."""
    return Job.objects.filter(pk__in=ids).update(state=State.DELAYED, publish_at=timezone.now(), **AS_NEW)


def close_resent(job: Job, *, by: str) -> None:
    """Discard the dead row of a plain task whose message was published again by that person."""
    error = f"Sent again by {by}. Was: {job.error}"
    Job.objects.filter(pk=job.pk).update(state=State.DISCARDED, error=error[:500])


def discard(jobs: QuerySet[Job]) -> int:
    """Discard dead jobs. Return how many. Their rows are kept until pruning removes them."""
    return jobs.filter(state=State.DEAD).update(state=State.DISCARDED, finished_at=timezone.now())


def cancel(jobs: QuerySet[Job], *, by: str) -> int:
    """Cancel unfinished jobs. Return how many are cancelled, or will be as soon as their run is ended.

    A job that a worker has begun, or whose row something has locked, gets a Cancellation: the run ends by it.
    """
    with atomic():
        unfinished = jobs.filter(state__in=UNFINISHED)
        unbegun = unfinished.filter(started_at=None)
        free = list(unbegun.only("queue", "task").select_for_update(skip_locked=_can_skip_locked()))
        _cancel_all(free, by)
        others = unfinished.exclude(pk__in=[job.pk for job in free]).values_list("pk", flat=True)
        asked = [Cancellation(job=pk, requested_by=by[:200]) for pk in others]
        Cancellation.objects.bulk_create(asked, ignore_conflicts=True)
    return len(free) + len(asked)


def finish_cancelled(job_id: object, *, run_has_ended: bool = False, one_transaction: bool = False) -> bool:
    """Cancel a job that somebody asked to cancel. Return False when a run may be alive or its row is locked.

    run_has_ended: whoever calls this has seen the run end.
    """
    with atomic():
        job = _lock(job_id)
        if job is None:
            return False
        if not run_has_ended and job.state == State.WAITING and _may_be_running(job, one_transaction, timezone.now()):
            return False
        if not _cancel_if_asked(job):
            Cancellation.objects.filter(pk=job.pk).delete()  # it ended before
    return True


def forget_answered_cancellations() -> None:
    """Delete the cancellations of jobs that have ended, and of those whose rows are gone."""
    unfinished = Job.objects.filter(pk=OuterRef("pk"), state__in=UNFINISHED)
    Cancellation.objects.filter(~Exists(unfinished)).delete()


def end_lock_holder(job_id: object) -> None:
    """End the database connection of a cancelled run whose process is gone: a query of it may go on for long.

    Leave alone whoever has begun its transaction after the job was cancelled.
    """
    if database().vendor != "postgresql":
        return
    with database().cursor() as cursor:
        cursor.execute(END_LOCK_HOLDER, [str(job_id)])


# A row that is locked holds the number of the transaction that has locked it.
END_LOCK_HOLDER = """
    SELECT pg_terminate_backend(activity.pid)
    FROM djcelery_jobs_job AS job
    JOIN djcelery_jobs_cancellation AS cancellation ON cancellation.job = job.id
    JOIN pg_locks AS lock ON lock.locktype = 'transactionid' AND lock.transactionid = job.xmax AND lock.granted
    JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE job.id = %s AND lock.mode = 'ExclusiveLock' AND activity.xact_start < cancellation.requested_at
"""


def run_now(jobs: QuerySet[Job]) -> int:
    """Let the relay publish delayed jobs at once. Return how many."""
    return jobs.filter(state=State.DELAYED).update(publish_at=timezone.now())


def release_held(queues: Collection[str], tasks: Collection[str], limit: int) -> int:
    """Let the relay publish jobs that a pause held, `limit` at most. Return how many.

    queues, tasks: those that are paused now.
    """
    held = Job.objects.filter(held=True).exclude(queue__in=queues).exclude(task__in=tasks)
    ids = list(held.values_list("pk", flat=True)[:limit])
    if ids:
        Job.objects.filter(pk__in=ids, held=True).update(held=False, needs_publishing=True, publish_at=timezone.now())
    return len(ids)


def close_replaced(job: Job, *, by: str, replacement: object) -> bool:
    """Discard a dead job that somebody sent again with other arguments, as another job. Return False if it is not."""
    error = f"Sent again with other arguments by {by}, as {replacement}. Was: {job.error}"
    dead = Job.objects.filter(pk=job.pk, state=State.DEAD)
    return bool(dead.update(state=State.DISCARDED, finished_at=timezone.now(), error=error[:500]))


def discard_revoked(job_id: uuid.UUID, *, terminated: bool) -> bool:
    """Cancel a job that Celery has revoked. Return False when it is finished, or may be running.

    terminated: its run was ended, so the job is not running any more.
    """
    with atomic():
        job = _lock(job_id)
        if job is None or job.state not in UNFINISHED:
            return False
        deadline = job.started_at and job.started_at + run_deadline(job.queue)
        if deadline and timezone.now() < deadline and not terminated:
            return False
        if not _cancel_if_asked(job):
            _cancel(job, "revoke")
    return True


# -- The statements of nearly every job
#
# In SQL, because building them with the ORM took more than half of the CPU of a run. They name the columns as models.py
# does, and a test compares the two.

# By a plain cursor: where nobody has said that there is a pooler, the first prepared statement fails, and here this
# would be the caller's.
INSERT = f"""
    INSERT INTO "djcelery_jobs_job" ({", ".join(f'"{field.column}"' for field in Job._meta.concrete_fields)})
    VALUES ({", ".join(["%s"] * len(Job._meta.concrete_fields))})
"""  # noqa: S608  our own names
# What a run may read of its job.
READ = {"id", "task", "args", "kwargs", "options", "queue", "state", "key", "attempts", "starts", "started_at"}
READ |= {"worker", "earlier_runs", "created_at", "finished_at", "return_value"}
COLUMNS = [field for field in Job._meta.concrete_fields if field.attname in READ]
START = f"""
    UPDATE "djcelery_jobs_job" AS job
    SET "starts" = 1, "started_at" = %s, "worker" = %s, "message_id" = %s, "publish_at" = %s, "publications" = 0,
        "held" = FALSE
    WHERE "id" = %s AND "task" = %s AND "queue" = %s AND "state" = %s AND "starts" = 0 AND "expires_at" IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM "djcelery_jobs_pause" AS pause
            WHERE pause."kind" = '{PauseKind.QUEUE}' AND pause."name" = job."queue"
                OR pause."kind" = '{PauseKind.TASK}' AND pause."name" = job."task"
        )
        AND NOT EXISTS (SELECT 1 FROM "djcelery_jobs_cancellation" AS cancellation WHERE cancellation."job" = job."id")
    RETURNING {", ".join(f'"{field.column}"' for field in COLUMNS)}
"""  # noqa: S608  our own names
# Nobody waits until this is on the disk. A server that crashes may forget such a start, but then it also rolls back the
# run, which is one transaction: the job is as it was before it began.
START_CHEAPLY = f"{START.rstrip()}, set_config('synchronous_commit', 'off', true)"
SELECT_UNFINISHED = """SELECT '0' FROM "djcelery_jobs_job" WHERE "id" = %s AND "state" = %s"""
LOCK_UNFINISHED = SELECT_UNFINISHED.replace("'0'", "txid_current()::text")
# Nobody else has begun the job since, and nobody waits here for a run of somebody else.
OF_THIS_START = 'AND "started_at" = %s FOR UPDATE'
# Here it is decided whether a job that is cancelled while it ends is DONE.
MARK_DONE = """
    UPDATE "djcelery_jobs_job" AS job SET "state" = %s, "finished_at" = %s, "return_value" = %s
    WHERE "id" = %s AND "state" = %s
        AND NOT EXISTS (SELECT 1 FROM "djcelery_jobs_cancellation" AS cancellation WHERE cancellation."job" = job."id")
"""
MARK_DONE_IN = f"{MARK_DONE} AND txid_current() = %s"
# Where COMMIT follows in the same round trip, a row that is not marked has to fail. The error has this text.
NOT_MARKED = "djcelery_jobs: a job is marked DONE by one row, not by "
MARK_DONE_OR_FAIL = f"""
    WITH marked AS ({MARK_DONE_IN} RETURNING 1)
    SELECT CASE count(*) WHEN 1 THEN 1 ELSE ('{NOT_MARKED}' || count(*))::integer END FROM marked
"""  # noqa: S608  our own names


def _insert(job: Job) -> None:
    """Insert one job. Raise IntegrityError when its id is already that of another."""
    connection = database()
    values = [field.get_db_prep_save(field.pre_save(job, True), connection) for field in Job._meta.concrete_fields]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, values)
    job._state.adding, job._state.db = False, connection.alias


@contextmanager
def _executed(statement: Statement) -> Iterator[Any]:
    """Execute a statement, with its values as the database takes them, and yield the cursor."""
    connection = database()
    values = [
        ADAPTERS[type(value)](connection, value) if type(value) in ADAPTERS else value for value in statement.values
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, values)
        yield cursor


ADAPTERS: dict[type, Callable[[Any, Any], Any]] = {
    datetime: lambda connection, value: connection.ops.adapt_datetimefield_value(value),
    uuid.UUID: lambda connection, value: value if connection.features.has_native_uuid_field else value.hex,
}


def _from_row(row: Sequence[Any]) -> Job:
    """Return the job that START has returned the columns of. Django reads the others when somebody asks for them."""
    connection, values = database(), list(row[: len(COLUMNS)])
    for index, converters in _converters(connection.alias):
        for converter in converters:
            values[index] = converter(values[index], None, connection)
    return Job.from_db(connection.alias, [field.attname for field in COLUMNS], values)


@cache
def _converters(alias: str) -> list[tuple[int, list[Callable[..., Any]]]]:
    """Return what makes values of Python's types of those of a row, by the positions of its columns."""
    connection = connections[alias]
    expressions = [field.get_col(Job._meta.db_table) for field in COLUMNS]
    of_columns = [
        [*connection.ops.get_db_converters(expression), *expression.get_db_converters(connection)]
        for expression in expressions
    ]
    return [(index, converters) for index, converters in enumerate(of_columns) if converters]


# -- Parts of the above


def _lock(job_id: object, *, wait: bool = False) -> Job | None:
    """Lock the row until the transaction ends. Return None when it is missing or another delivery holds it.

    wait: wait for the other to let go. A run that has begun must record how it ended.
    """
    return Job.objects.select_for_update(skip_locked=_can_skip_locked() and not wait).filter(pk=job_id).first()


def _can_skip_locked() -> bool:
    # SQLite has no row locks and needs none: its transactions come one after the other.
    return database().features.has_select_for_update_skip_locked


def _delay(job: Job, publish_at: datetime) -> None:
    job.state, job.publish_at = State.DELAYED, publish_at
    job.starts, job.publications, job.started_at, job.waiting_since, job.held = 0, 0, None, None, False
    job.save()


def _remember_run(job: Job, error: str, error_class: str) -> None:
    """Note a run that ended and did not finish the job. The caller saves the row."""
    began = job.started_at and job.started_at.isoformat()
    run = {"worker": job.worker, "started_at": began}
    run |= {"error": text(error)[:500], "error_class": text(error_class)[:200]}
    job.earlier_runs = [*(job.earlier_runs or []), run][-EARLIER_RUNS:]


def _cancellation(job: Job) -> Cancellation | None:
    return Cancellation.objects.filter(pk=job.pk).first()


def _cancel_if_asked(job: Job) -> bool:
    """Cancel a locked job if somebody asked for it and it is not finished. Return whether that is so."""
    cancellation = _cancellation(job) if job.state in UNFINISHED else None
    if cancellation:
        _cancel(job, cancellation.requested_by)
    return cancellation is not None


def _cancel(job: Job, by: str) -> None:
    """Cancel a locked job. A run that was ended for this does not count as a kill."""
    job.starts -= min(job.starts, job.started_at is not None)
    job.save(update_fields=["starts"])
    _cancel_all([job], by)


def _cancel_all(jobs: Collection[Job], by: str) -> None:
    """Cancel locked jobs in few statements, and count them."""
    ids = [job.pk for job in jobs]
    Job.objects.filter(pk__in=ids).update(
        state=State.CANCELLED,
        cancelled_by=by[:200],
        error=f"Cancelled by {by}."[:500],
        held=False,
        finished_at=timezone.now(),
    )
    Cancellation.objects.filter(pk__in=ids).delete()
    _count(jobs, CANCELLED_OUTCOME)


CANCELLED_OUTCOME, EXPIRED_OUTCOME = "cancelled", "expired"


def _count(jobs: Collection[Job], outcome: str) -> None:
    """Count jobs that ended in another way than a run does."""
    counts = Counter((job.queue, job.task) for job in jobs)
    for queue, task in sorted(counts):  # so that two who count never wait for each other in a circle
        tally, _ = Tally.objects.get_or_create(queue=queue, task=task, outcome=outcome)
        Tally.objects.filter(pk=tally.pk).update(count=F("count") + counts[queue, task])


# What a job that has ended tells of it.
FINISHED = ["state", "finished_at", "error", "error_class", "traceback"]


def _finish(job: Job, state: State, error: str, trace: str = "", error_class: str = "") -> None:
    job.state, job.finished_at = state, timezone.now()
    job.error, job.error_class, job.traceback = text(error)[:500], text(error_class)[:200], text(trace)
    job.save(update_fields=FINISHED)


def _report_failure_at_commit(job: Job, error: str) -> None:
    """Log and count a job that failed for good outside of a run."""
    names = {"task_id": str(job.pk), "task": job.task, "error": error}

    def report() -> None:
        failure.error("task_failure", extra=names)
        run_counts.count_failure(job.queue, job.task)

    transaction.on_commit(report, using=database_alias(), robust=True)
