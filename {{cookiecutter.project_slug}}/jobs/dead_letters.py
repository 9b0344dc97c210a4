"""Jobs that failed for good: where they are kept, and what a person can do with them."""

import json
import logging
import uuid
from typing import Any

from celery import Task, current_app
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone
from kombu.utils import json as kombu_json

from . import ledger, outbox
from .durable import DurableTask
from .models import Job, State

logger = logging.getLogger(__name__)


def keep(task: Task, task_id: str, args: Any, kwargs: Any, error: str, traceback: str = "") -> None:
    """Keep a plain task's job that failed. A durable one has a row already.

    Does not raise: the failure is what matters to the caller, and it is in the log too.
    """
    if isinstance(task, DurableTask):
        return
    now = timezone.now()
    job = {
        "task": task.name,
        "args": json.loads(kombu_json.dumps(list(args or []))),
        "kwargs": json.loads(kombu_json.dumps(dict(kwargs or {}))),
        "queue": current_app.amqp.router.route({}, task.name)["queue"].name,
        "state": State.DEAD,
        "error": error[:500],
        "traceback": traceback,
        "publish_at": now,
        "finished_at": now,
    }
    try:
        Job.objects.update_or_create(pk=_uuid(task_id), defaults=job)
    except DatabaseError:
        logger.exception("could not keep the failed job %s %s", task.name, task_id)


def requeue(jobs: QuerySet[Job], *, by: str) -> int:
    """Send dead jobs again. Returns how many. by: who does it, for the log.

    Durable ones go on as if they were new. For a plain one it is a single publish: raises what the broker's client
    raises, and then it stays dead.
    """
    plain = [name for name, task in current_app.tasks.items() if not isinstance(task, DurableTask)]
    count = ledger.requeue(jobs.exclude(task__in=plain))
    for job in jobs.filter(state=State.DEAD, task__in=plain):
        outbox.send(job)
        Job.objects.filter(pk=job.pk).update(state=State.DISCARDED, error=f"Sent again by {by}. Was: {job.error}"[:500])
        count += 1
    logger.info("%s sent %d dead jobs again", by, count)
    return count


def discard(jobs: QuerySet[Job], *, by: str) -> int:
    """Give dead jobs up; they are pruned with the finished ones. Returns how many."""
    count = ledger.discard(jobs)
    logger.info("%s discarded %d dead jobs", by, count)
    return count


def _uuid(task_id: str) -> uuid.UUID:
    try:
        return uuid.UUID(task_id)
    except ValueError:  # an id of somebody's own making
        return uuid.uuid5(uuid.NAMESPACE_OID, task_id)
