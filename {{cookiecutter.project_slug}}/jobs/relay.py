"""The relay: publishes again what the broker did not take, or lost, or what is only due now.

Beat runs it at every tick. Several at once do no harm: each takes rows that no other has locked.
"""

import logging
from datetime import timedelta

from celery import current_app
from django.db import connection, transaction
from django.utils import timezone

from . import outbox
from .ledger import failure
from .models import UNFINISHED, Job, State
from .patience import until_published_again

logger = logging.getLogger(__name__)

# Seconds that a job waits for a deploy to bring a task that this process does not know.
UNKNOWN_TASK = 600
# What relaying changes in a row.
FIELDS = ["state", "publish_at", "publications", "waiting_since", "error", "finished_at"]


def relay(limit: int = outbox.BATCH) -> int:
    """Publish what is due, `limit` jobs at most. Returns how many; while that is `limit`, there may be more."""
    if not outbox.breaker.closed:
        return 0
    with transaction.atomic():
        jobs = _due(limit)
        known = [job for job in jobs if job.task in current_app.tasks]
        for job in known:
            if job.state == State.DELAYED:
                job.waiting_since = timezone.now()
            job.state = State.WAITING
            job.publications += 1
            job.publish_at = timezone.now() + until_published_again(job.queue, job.publications - 1)
        for job in jobs:
            if job not in known:
                _unknown(job)
        Job.objects.bulk_update(jobs, FIELDS, batch_size=100)
    # After the commit: a kill in between costs one more wait, the other order would publish what is not yet due.
    outbox.publish(known)
    if known:
        logger.info("relay: published %d jobs", len(known))
    return len(jobs)


def _due(limit: int) -> list[Job]:
    due = Job.objects.filter(state__in=UNFINISHED, publish_at__lte=timezone.now()).order_by("publish_at")
    return list(due.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)[:limit])


def _unknown(job: Job) -> None:
    now = timezone.now()
    if job.created_at > now - timedelta(seconds=UNKNOWN_TASK):
        job.publish_at = now + timedelta(seconds=UNKNOWN_TASK / 10)
        return
    job.state, job.finished_at = State.DEAD, now
    job.error = f"No task is called {job.task}."
    names = {"task_id": str(job.pk), "task": job.task, "error": "NotRegistered"}
    transaction.on_commit(lambda: failure.error("task_failure", extra=names))
