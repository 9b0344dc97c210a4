"""From row to broker: a row in the caller's transaction, a message after its commit, and no caller waits in vain."""

import json
import logging
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from kombu.utils import json as kombu_json

from .breaker import Breaker, producer_from_pool
from .context import as_carried, carried, dispatcher
from .models import UNFINISHED, Job, State, subject
from .patience import until_published_again
from .task import JobTask

logger = logging.getLogger(__name__)
breaker = Breaker()

# One try at each node. Not `retry=False`: that waits longer, since the client then looks for a connection with a policy
# of its own.
ONE_TRY = {"max_retries": settings.BROKER_NODES - 1, "interval_start": 0, "interval_step": 0}
BATCH = 500  # rows in one statement
# Celery's options that go along with the message, now and each time that it is published again.
KEPT_OPTIONS = {"priority", "chain", "link", "link_error", "headers", "root_id", "parent_id", "shadow", "context"}


def write(task: JobTask, calls: Sequence[tuple[Any, Any]], *, key: str | None = None, **options: Any) -> list[Job]:
    """Write a row for each call into the caller's transaction, and publish them when it commits.

    calls: (args, kwargs) of each job. key: at most one unfinished job with it; while there is one, no other is
    written and that one is returned. options: those of `apply_async`.
    """
    if options.get("chord"):
        raise TypeError(f"{task.name} is durable and cannot be in a chord. Use a chain, or count rows in a task.")
    jobs = [_row(task, args, kwargs, key, options) for args, kwargs in calls]
    jobs, new = _write_one(jobs[0]) if key else (Job.objects.bulk_create(jobs, batch_size=BATCH), True)
    waiting = [job for job in jobs if new and job.state == State.WAITING]
    # Robust: whatever goes wrong in publishing, the caller's work is committed and the relay has the rows.
    transaction.on_commit(lambda: publish(waiting), robust=not current_app.conf.task_always_eager)
    return jobs


def _write_one(job: Job) -> tuple[list[Job], bool]:
    """The job, or the unfinished one with the same key. That one may end between two statements: then try again.

    Raises IntegrityError when the job's own id is that of another job.
    """
    while not Job.objects.filter(pk=job.pk).exclude(key=job.key, state__in=UNFINISHED).exists():
        Job.objects.bulk_create([job], ignore_conflicts=True)
        if there := Job.objects.filter(key=job.key, state__in=UNFINISHED).first():
            return [there], there.pk == job.pk
    raise IntegrityError(f"There is a job {job.pk} already.")


def _row(task: JobTask, args: Any, kwargs: Any, key: str | None, options: dict[str, Any]) -> Job:
    task.check_arguments(args, kwargs)
    now = timezone.now()
    kept = {**options, "context": carried()}
    eta, expires = options.get("eta"), options.get("expires")
    if (countdown := options.get("countdown")) is not None:
        eta = now + timedelta(seconds=countdown)
    if isinstance(expires, int | float):
        expires = now + timedelta(seconds=expires)
    queue = current_app.amqp.router.route({"queue": options.get("queue")}, task.name)["queue"].name
    return Job(
        pk=options.get("task_id") or uuid.uuid4(),
        task=task.name,
        args=_plain(list(args or [])),
        kwargs=_plain(dict(kwargs or {})),
        subject=subject(args or [], kwargs or {}),
        options=_plain({name: value for name, value in kept.items() if name in KEPT_OPTIONS and value}),
        queue=queue,
        key=key,
        state=State.DELAYED if eta else State.WAITING,
        publish_at=eta or now + until_published_again(queue, 0),
        waiting_since=None if eta else now,
        expires_at=expires,
        dispatched_by="beat" if (options.get("headers") or {}).get("celery_beat_task") else dispatcher(),
    )


def _plain(value: Any) -> Any:
    """Celery's JSON, with its marks for dates and the like, as a JSON column can hold it."""
    return json.loads(kombu_json.dumps(value))


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
                while left:
                    with producer.batch():  # on Redis one round trip for all of them
                        for job in left[:BATCH]:
                            send(job, producer=producer)
                    del left[:BATCH]
    except Exception:  # whichever way it failed: the rows are there
        logger.warning("the broker took no job; %d wait for the relay", len(left), exc_info=True)
        breaker.open()
    _leave_to_relay(left)


def send(job: Job, **options: Any) -> None:
    """Publish one job under its own id, in a message with an id of its own. Raises what the broker's client raises."""
    args, kwargs = kombu_json.loads(json.dumps([job.args, job.kwargs]))
    options |= {"task_id": str(job.pk), "message_id": str(uuid.uuid4()), "queue": job.queue, "retries": job.attempts}
    options |= job.options
    with as_carried(options.pop("context", {})):
        JobTask.apply_async(current_app.tasks[job.task], args, kwargs, retry_policy=ONE_TRY, **options)


def _leave_to_relay(jobs: list[Job]) -> None:
    if not jobs:
        return
    try:
        ids = [job.pk for job in jobs]
        Job.objects.filter(pk__in=ids, state__in=UNFINISHED).update(publish_at=timezone.now())
    except DatabaseError:
        logger.warning("the database is away too; the relay finds these jobs a little later", exc_info=True)
