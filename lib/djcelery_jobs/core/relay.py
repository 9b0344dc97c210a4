"""The relay: publishes again what the broker did not take, or lost, or what is only due now.

Beat runs it at every tick. Several at once do no harm: each takes rows that no other has locked.
"""

import logging
from collections import defaultdict
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import outbox
from djcelery_jobs.core.ledger import failure
from djcelery_jobs.core.republish_delays import republish_delay
from djcelery_jobs.models import UNFINISHED, Job, State

logger = logging.getLogger(__name__)


def relay(limit: int = outbox.BATCH) -> int:
    """Publish what is due, `limit` jobs at most. Returns how many; while that is `limit`, there may be more."""
    if not outbox.breaker.closed:
        return 0
    with transaction.atomic():
        jobs = _due(limit)
        obstacles = {job.pk: outbox.obstacle(job) for job in jobs}
        sendable = [job for job in jobs if not obstacles[job.pk]]
        _count_publication(sendable)
        for job in jobs:
            if obstacles[job.pk]:
                _cannot_send(job, obstacles[job.pk])
    # After the commit: a kill in between costs one more wait, the other order would publish what is not yet due.
    outbox.publish(sendable)
    if sendable:
        logger.info("relay: published %d jobs", len(sendable))
    return len(jobs)


def _due(limit: int) -> list[Job]:
    due = Job.objects.filter(state__in=UNFINISHED, publish_at__lte=timezone.now()).order_by("publish_at")
    return list(due.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)[:limit])


def _count_publication(jobs: list[Job]) -> None:
    """One statement for all rows that change alike: after an outage there are thousands, of a few kinds."""
    now, alike = timezone.now(), defaultdict(list)
    for job in jobs:
        alike[job.queue, job.publications, job.state].append(job.pk)
    for (queue, publications, state), ids in alike.items():
        Job.objects.filter(pk__in=ids).update(
            state=State.WAITING,
            publications=publications + 1,
            publish_at=now + republish_delay(queue, publications),
            **({"waiting_since": now} if state == State.DELAYED else {}),
        )


def _cannot_send(job: Job, obstacle: str) -> None:
    now = timezone.now()
    if job.created_at > now - timedelta(seconds=jobs_settings.DEPLOY_WAIT):
        job.publish_at = now + timedelta(seconds=jobs_settings.DEPLOY_WAIT / 10)
    else:
        job.state, job.finished_at, job.error = State.DEAD, now, obstacle[:500]
        names = {"task_id": str(job.pk), "task": job.task, "error": obstacle}
        transaction.on_commit(lambda: failure.error("task_failure", extra=names))
    job.save(update_fields=["publish_at", "state", "finished_at", "error"])
