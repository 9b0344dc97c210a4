"""From row to broker: a row in the caller's transaction, a message after its commit, and no caller waits in vain."""

import json
import logging
import struct
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from celery import current_app
from django.db import DatabaseError, transaction
from django.utils import timezone
from kombu import Producer
from kombu.utils import json as kombu_json

from djcelery_jobs.brokers.circuit_breaker import Breaker, producer_from_pool
from djcelery_jobs.brokers.options import broker_url, node_count
from djcelery_jobs.core import ledger
from djcelery_jobs.core.republish_delays import hard_limit
from djcelery_jobs.core.task import JobTask
from djcelery_jobs.models import KEY_LENGTH, Job, State, subject
from djcelery_jobs.storable import shown, stored
from djcelery_jobs.telemetry.context import dispatcher, restored, snapshot

logger = logging.getLogger(__name__)
breaker = Breaker()

BATCH = 500  # messages in one round trip
# No broker and no network fails like this. Something about the one job is wrong, and the others must not wait for it.
FAULTS_OF_A_JOB = (TypeError, ValueError, LookupError, ArithmeticError, struct.error)
# Celery's options that go along with the message, now and each time that it is published again.
KEPT_OPTIONS = {"chain", "link", "link_error", "root_id", "parent_id", "headers", "shadow"}
KEPT_OPTIONS |= {"priority", "time_limit", "soft_time_limit", "ignore_result"}


def write(task: JobTask, calls: Sequence[tuple[Any, Any]], *, key: str | None = None, **options: Any) -> list[Job]:
    """Write a row for each call into the caller's transaction, and publish them when it commits.

    calls: (args, kwargs) of each job. key: at most one unfinished job with it; while there is one, no other is
    written and that one is returned. options: those of `apply_async`.

    Raises TypeError and ValueError for what could never be sent or run: the caller is the one who can mend it.
    """
    _check(task, len(calls), key, options)
    if not key and (there := _dispatched_before(task, options.get("task_id"))):
        return there
    jobs = [_row(task, args, kwargs, key, options) for args, kwargs in calls]
    if key:
        job, is_new = ledger.create_unless_key_is_taken(jobs[0])
        jobs = [job]
    else:
        jobs, is_new = ledger.create(jobs), True
    waiting = [job for job in jobs if is_new and job.state == State.WAITING]
    # Robust: whatever goes wrong in publishing, the caller's work is committed and the relay has the rows.
    transaction.on_commit(lambda: publish(waiting), robust=not current_app.conf.task_always_eager)
    return jobs


def _check(task: JobTask, count: int, key: str | None, options: dict[str, Any]) -> None:
    if options.get("chord"):
        raise TypeError(f"{task.name} is durable and cannot be in a chord. Use a chain, or count rows in a task.")
    if key and count != 1:
        raise TypeError(f"A key is for one job of {task.name}, and these are {count}. Dispatch them one by one.")
    if key and len(key) > KEY_LENGTH:
        raise ValueError(f"The key of a job may have {KEY_LENGTH} characters, and {key[:20]}... has {len(key)}.")
    if not isinstance(options.get("priority"), int | None):
        raise TypeError(f"The priority of a job is a whole number, and {options['priority']!r} is none.")
    try:
        uuid.UUID(str(options.get("task_id") or uuid.uuid4()))
    except ValueError as error:
        raise ValueError(f"{options['task_id']} is no UUID. For an id of your own, give the job a key.") from error


def create_missing_row(task: JobTask, job_id: uuid.UUID, args: Any, kwargs: Any) -> None:
    """Write a row for a message that has none: it was sent by name, or before its task became durable."""
    ledger.create_if_missing(_row(task, args, kwargs, None, {"task_id": job_id}))


def _dispatched_before(task: JobTask, job_id: str | None) -> list[Job]:
    """A plain task that is delivered twice dispatches what follows it twice, under the same id."""
    return list(Job.objects.filter(pk=job_id, task=task.name)) if job_id else []


def _row(task: JobTask, args: Any, kwargs: Any, key: str | None, options: dict[str, Any]) -> Job:
    queue = current_app.amqp.router.route({"queue": options.get("queue")}, task.name)["queue"].name
    task.check_arguments(args, kwargs)
    if (options.get("time_limit") or 0) > hard_limit(queue):  # the relay would take the run for dead
        raise ValueError(f"A job in the queue {queue} may run for {hard_limit(queue)} s; its time_limit must be less.")
    now = timezone.now()
    kept = {name: value for name, value in options.items() if name in KEPT_OPTIONS and value not in (None, [], {})}
    eta, expires = options.get("eta"), options.get("expires", task.expires)
    if (countdown := options.get("countdown")) is not None:
        eta = now + timedelta(seconds=countdown)
    if isinstance(expires, int | float):
        expires = now + timedelta(seconds=expires)
    return ledger.new_job(
        eta=eta,
        pk=options.get("task_id") or uuid.uuid4(),
        task=task.name,
        args=stored(list(args or [])),
        kwargs=stored(dict(kwargs or {})),
        subject=subject(args or [], kwargs or {}),
        options=stored(kept) | shown({"context": snapshot()}),
        queue=queue,
        key=key,
        expires_at=expires,
        dispatched_by="beat" if (options.get("headers") or {}).get("celery_beat_task") else dispatcher(),
    )


def publish(jobs: Iterable[Job]) -> None:
    """Give jobs to the broker. Does not raise, and does not wait for a broker that was away a moment ago."""
    left = list(jobs)
    if current_app.conf.task_always_eager:
        for job in left:
            send(job)
        return
    try:
        if left and breaker.closed:
            with producer_from_pool() as producer:
                while left and breaker.closed:  # it may have opened while this one waited for a producer
                    with producer.batch():  # on Redis one round trip for all of them
                        for job in left[:BATCH]:
                            _send_unless_wrong(job, producer)
                    del left[:BATCH]
    except Exception:  # whichever way it failed: the rows are there
        logger.warning("the broker took no job; %d wait for the relay", len(left), exc_info=True)
        breaker.open()
    _leave_to_relay(left)


def reason_unsendable(job: Job) -> str:
    """Return why the code of this process cannot send the job, whatever the broker does. Empty: it can."""
    if job.task not in current_app.tasks:
        return f"No task is called {job.task}."
    if job.queue not in current_app.amqp.queues:
        return f"No queue is called {job.queue}."
    try:
        current_app.tasks[job.task].check_arguments(*_arguments(job))
    except (*FAULTS_OF_A_JOB, AttributeError) as error:  # what decoding can raise
        return f"{type(error).__name__}: {error}"
    return ""


def send(job: Job, **options: Any) -> None:
    """Publish one job under its own id, in a message with an id of its own. Raises what the broker's client raises."""
    args, kwargs = _arguments(job)
    options |= {"task_id": str(job.pk), "message_id": str(uuid.uuid4()), "queue": job.queue, "retries": job.attempts}
    options |= job.options
    options["expires"] = None  # begin() looks at the row's; a worker that saw a message expire refuses later ones, too
    task, longest = current_app.tasks[job.task], hard_limit(job.queue)  # the relay takes a longer run for dead
    options["time_limit"] = hard = min(longest, options.get("time_limit") or task.time_limit or longest)
    options["soft_time_limit"] = min(hard, options.get("soft_time_limit") or task.soft_time_limit or hard)
    with restored(options.pop("context", {})):
        JobTask.apply_async(task, args, kwargs, retry_policy=_one_try(), **options)


def _one_try() -> dict[str, int]:
    """Return the policy of one try at each node. Not `retry=False`: that waits longer, since the client then looks for
    a connection with a policy of its own."""
    return {"max_retries": node_count(broker_url()) - 1, "interval_start": 0, "interval_step": 0}


def _send_unless_wrong(job: Job, producer: Producer) -> None:
    try:
        send(job, producer=producer)
    except FAULTS_OF_A_JOB:
        logger.exception("cannot send the job %s %s; the relay tries again, ever more rarely", job.task, job.pk)


def _arguments(job: Job) -> tuple[list[Any], dict[str, Any]]:
    return tuple(kombu_json.loads(json.dumps([job.args, job.kwargs])))


def _leave_to_relay(jobs: list[Job]) -> None:
    if not jobs:
        return
    try:
        ledger.publish_now([job.pk for job in jobs])
    except DatabaseError:
        logger.warning("the database is away too; the relay finds these jobs a little later", exc_info=True)
