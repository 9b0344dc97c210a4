"""Write a job into the caller's transaction, and publish it after the commit. Never wait for a broker that is down."""

import logging
import struct
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from kombu import Producer

from djcelery_jobs.brokers.circuit_breaker import Breaker, producer_from_pool
from djcelery_jobs.brokers.options import broker_url, node_count
from djcelery_jobs.core import ledger
from djcelery_jobs.core.dispatch_options import check_options
from djcelery_jobs.core.republish_delays import hard_limit, limits_of
from djcelery_jobs.core.task import JobTask
from djcelery_jobs.models import KEY_LENGTH, Job, State, database, database_alias, subject
from djcelery_jobs.models import job_id as id_of_job
from djcelery_jobs.storable import loaded, shown, stored
from djcelery_jobs.telemetry.context import current_request, dispatcher, restored, snapshot

logger = logging.getLogger(__name__)
breaker = Breaker()

BATCH = 500  # messages in one round trip
MAX_AT_COMMIT = 200  # messages that one transaction publishes itself
# Neither a broker nor a network raises these: something is wrong with the one job, and the others must not wait for it.
FAULTS_OF_A_JOB = (TypeError, ValueError, LookupError, ArithmeticError, struct.error)
# Celery's options that go along with the message, now and each time that it is published again.
KEPT_OPTIONS = {*ledger.FOLLOWERS, "root_id", "parent_id", "headers", "shadow"}
CALL_OPTION = "django_task"  # how a `@task` was enqueued; it stays in the row
KEPT_OPTIONS |= {"priority", "time_limit", "soft_time_limit", "ignore_result", CALL_OPTION}


def write(
    task: JobTask,
    calls: Sequence[tuple[Any, Any]],
    *,
    key: str | None = None,
    announce: Callable[[Job], None] | None = None,
    **options: Any,
) -> list[Job]:
    """Write a row for each call into the caller's transaction, and publish them when it commits.

    Raise TypeError and ValueError for what could never be sent or run: the caller is the one who can correct it.

    calls: (args, kwargs) of each job.
    key: at most one job with it is yet to begin. While there is one, no other is written and that one is returned.
    announce: called with each new job when the transaction commits, before the job is published.
    options: those of `apply_async`.
    """
    _check(task, len(calls), key, options)
    _warn_of_another_transaction(task)
    if not key and (earlier := _dispatched_before(task, options.get("task_id"))):
        return earlier
    alike = _alike(task, key, options)
    rows = [_row(task, args, kwargs, alike) for args, kwargs in calls]
    ready = [job for job in rows if job.state == State.WAITING]
    at_commit = PublishAtCommit(ready)
    if key:
        job, is_new = ledger.create_for_key(rows[0])
        if not is_new or job.state != State.WAITING:
            at_commit.jobs = []
        rows, new = [job], [job] if is_new else []
    else:
        new = ledger.create(rows)
    if announce:
        for job in new:
            transaction.on_commit(partial(announce, job), using=database_alias(), robust=True)
    # Robust: whatever goes wrong in publishing, the caller's work is committed and the relay has the rows.
    transaction.on_commit(at_commit, using=database_alias(), robust=not at_commit.is_inline)
    return rows


class PublishAtCommit:
    """Publish jobs when their transaction has committed, MAX_AT_COMMIT in one transaction at most.

    The others are left to the relay: whoever dispatches thousands of jobs in a request would wait for all of them.

    total: jobs that the transaction publishes up to here. is_inline: they run at once, here.
    """

    def __init__(self, jobs: list[Job]) -> None:
        self.is_inline = bool(current_app.conf.task_always_eager)
        before = self._total_before()
        left = len(jobs) if self.is_inline else max(0, MAX_AT_COMMIT - before)
        self.jobs = jobs[:left]
        self.total = before + len(self.jobs)
        ledger.leave_to_relay(jobs[left:])

    def __call__(self) -> None:
        if self.jobs:  # of thousands of dispatches in a loop, most have none
            publish(self.jobs)

    @staticmethod
    def _total_before() -> int:
        connection = database()
        if not connection.in_atomic_block:
            return 0
        callbacks = (entry[1] for entry in reversed(connection.run_on_commit))
        return next((callback.total for callback in callbacks if isinstance(callback, PublishAtCommit)), 0)


def _check(task: JobTask, count: int, key: str | None, options: dict[str, Any]) -> None:
    check_options(task.name, {"expires": task.expires} | options)
    if options.get("chord"):
        raise TypeError(f"{task.name} is durable and cannot be in a chord. Use a chain, or count rows in a task.")
    if key and count != 1:
        raise TypeError(f"A key is for one job of {task.name}, and these are {count}. Dispatch them one by one.")
    if key and len(key) > KEY_LENGTH:
        raise ValueError(f"The key of a job may have {KEY_LENGTH} characters, and {key[:20]}... has {len(key)}.")
    try:
        uuid.UUID(str(options.get("task_id") or uuid.uuid4()))
    except ValueError as error:
        message = f"task_id must be a UUID, got {options['task_id']!r}. For an id of your own, give the job a key."
        raise ValueError(message) from error


def _warn_of_another_transaction(task: JobTask) -> None:
    """Warn whoever dispatches in a transaction of another database only: its rollback does not take the job back."""
    if database().in_atomic_block:
        return
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            logger.warning(
                "%s is dispatched in a transaction of the database %r, and its job is written to %r at once. "
                'Use transaction.atomic(using="%s") around both.',
                *(task.name, connection.alias, database_alias(), database_alias()),
            )


def create_missing_row(task: JobTask, job_id: uuid.UUID, args: Any, kwargs: Any, **followers: Any) -> None:
    """Write a row for a message that has none: it was sent by name, or before its task became durable.

    followers: what the message says that follows the job, by the names in ledger.FOLLOWERS.
    """
    ledger.create_if_missing(_row(task, args, kwargs, _alike(task, None, {"task_id": job_id, **followers})))


def _dispatched_before(task: JobTask, job_id: str | None) -> list[Job]:
    """Return the job with this id, if any: a plain task that is delivered twice dispatches what follows it twice."""
    return list(Job.objects.filter(pk=job_id, task=task.name)) if job_id else []


def queue_of(task: JobTask, queue: str | None = None) -> str:
    """Return the queue for a job: the one that the caller names, else the task's own, its route's, or the default."""
    route = current_app.amqp.router.route({"queue": queue or getattr(task, "queue", None)}, task.name)
    return str(route["queue"].name)


def _alike(task: JobTask, key: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return what all jobs of one dispatch have alike, by the names that new_job() takes."""
    queue = queue_of(task, options.get("queue"))
    if (options.get("time_limit") or 0) > hard_limit(queue):  # the relay would take the run for dead
        raise ValueError(f"A job in the queue {queue} may run for {hard_limit(queue)} s; its time_limit must be less.")
    kept = {name: value for name, value in options.items() if name in KEPT_OPTIONS and value not in (None, [], {})}
    eta, countdown = options.get("eta"), options.get("countdown")
    given = {"pk": options["task_id"]} if options.get("task_id") else {}
    return given | {
        "eta": _time(eta if countdown is None else countdown),
        "task": task.name,
        "options": stored(kept) | shown({"context": snapshot()}),
        "queue": queue,
        "key": key,
        "expires_at": _time(options.get("expires", task.expires)),
        "caused_by": _causing_job(options.get("task_id")),
        "replaces": options.get("replaces"),
        "dispatched_by": "beat" if (options.get("headers") or {}).get("celery_beat_task") else dispatcher(),
    }


def _row(task: JobTask, args: Any, kwargs: Any, alike: dict[str, Any]) -> Job:
    task.check_arguments(args, kwargs)
    return ledger.new_job(
        args=stored(list(args or [])),
        kwargs=stored(dict(kwargs or {})),
        subject=subject(args or [], kwargs or {}),
        **alike,
    )


def _causing_job(task_id: object) -> uuid.UUID | None:
    """Return the id of the job in which this code runs, unless that is the new job: see create_missing_row()."""
    request = current_request()
    return id_of_job(request.id) if request and request.id != str(task_id) else None


def _time(option: Any) -> datetime | None:
    """Return the time that an option means, which is a datetime or a number of seconds from now."""
    if option is None:
        return None
    if not isinstance(option, datetime):
        return timezone.now() + timedelta(seconds=float(option))
    return timezone.make_aware(option) if settings.USE_TZ and timezone.is_naive(option) else option


def publish(jobs: Iterable[Job]) -> int:
    """Publish jobs, and return how many were not left to the relay.

    Does not raise, and does not wait for a broker that was down a moment ago.
    """
    left = list(jobs)
    count = len(left)
    if current_app.conf.task_always_eager:
        for job in left:
            send(job)
        return count
    try:
        if left and breaker.closed:
            with producer_from_pool() as producer:
                while left and breaker.closed:  # it may have opened while this one waited for a producer
                    with producer.batch():  # on Redis one round trip for all of them
                        for job in left[:BATCH]:
                            _send_unless_wrong(job, producer)
                    del left[:BATCH]
    except Exception:  # whichever way it failed: the rows are there
        logger.warning("the broker accepted no job; %d wait for the relay", len(left), exc_info=True)
        breaker.open()
    _leave_to_relay(left)
    return count - len(left)


def reason_unsendable(job: Job) -> str:
    """Return why the code of this process cannot send the job, whatever the broker does. Empty: it can."""
    if job.task not in current_app.tasks:
        return f"No task is called {job.task}."
    if job.queue not in current_app.amqp.queues:
        return f"No queue is called {job.queue}."
    try:
        current_app.tasks[job.task].check_arguments(*arguments(job))
    except (*FAULTS_OF_A_JOB, AttributeError) as error:  # what decoding can raise
        return f"{type(error).__name__}: {error}"
    return ""


def send(job: Job, **options: Any) -> None:
    """Publish one job under its own id, in a message with an id of its own. Raise what the broker's client raises."""
    args, kwargs = arguments(job)
    options |= {"task_id": str(job.pk), "message_id": str(uuid.uuid4()), "queue": job.queue, "retries": job.attempts}
    options |= job.options
    options["expires"] = None  # begin() looks at the row's; a worker that saw a message expire refuses later ones, too
    task = current_app.tasks[job.task]
    soft, hard = limits_of(task, job.queue)
    longest = hard_limit(job.queue)  # the relay takes a longer run for dead
    options["time_limit"] = hard = min(longest, options.get("time_limit") or hard)
    options["soft_time_limit"] = min(hard, options.get("soft_time_limit") or soft)
    options.pop(CALL_OPTION, None)
    with restored(options.pop("context", {})):
        # Celery's own: what JobTask checks was checked when the row was written, or by the relay a moment ago.
        super(JobTask, task).apply_async(args, kwargs, retry_policy=_one_try(), **options)


def _one_try() -> dict[str, int]:
    """Return the policy of one try at each node. Not `retry=False`: that waits longer, since the client then looks for
    a connection with a policy of its own."""
    return {"max_retries": node_count(broker_url()) - 1, "interval_start": 0, "interval_step": 0}


def _send_unless_wrong(job: Job, producer: Producer) -> None:
    try:
        send(job, producer=producer)
    except FAULTS_OF_A_JOB:
        logger.exception("cannot send the job %s %s; the relay tries again, ever more rarely", job.task, job.pk)


def arguments(job: Job) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments with which the job runs. Raise what the decoder of one of them raises."""
    return tuple(loaded([job.args, job.kwargs]))


def follower_options(job: Job) -> dict[str, Any]:
    """Return the options of a job that name the tasks which follow it."""
    return dict(loaded({name: job.options[name] for name in ledger.FOLLOWERS if name in job.options}))


def _leave_to_relay(jobs: list[Job]) -> None:
    if not jobs:
        return
    try:
        ledger.publish_now([job.pk for job in jobs])
    except DatabaseError:
        logger.warning("the database is down too; the relay finds these jobs a little later", exc_info=True)
