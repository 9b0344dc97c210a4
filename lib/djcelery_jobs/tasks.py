"""Delete the rows that the job layer no longer needs."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Model, QuerySet
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.models import (
    UNFINISHED,
    BulkAction,
    Effect,
    Heartbeat,
    Job,
    MinuteTally,
    Redelivery,
    State,
    TaskSlot,
)

SLOTS_KEPT = timedelta(days=8)  # a week, and the hour that is under way
BATCH = 1000  # rows per delete, so that none holds its locks for long


@shared_task
def prune() -> int:
    """Delete finished jobs, what no delivery can need any more, and old observations. Return how many rows.

    Safe to run twice: what is deleted stays deleted, and the next run continues where this one stopped.
    """
    now = timezone.now()
    effects_until = now - timedelta(days=jobs_settings.EFFECTS_KEPT_DAYS)
    jobs_until = now - timedelta(days=jobs_settings.KEPT_DAYS)
    watched_until = now - timedelta(hours=jobs_settings.OBSERVATIONS_KEPT_HOURS)
    finished = Job.objects.exclude(state__in=UNFINISHED).exclude(state=State.DEAD)
    return sum(
        _delete_in_batches(rows)
        for rows in (
            finished.filter(finished_at__lt=jobs_until),
            Effect.objects.filter(created_at__lt=effects_until),
            Redelivery.objects.filter(last_at__lt=effects_until),
            MinuteTally.objects.filter(minute__lt=watched_until),
            TaskSlot.objects.filter(minutes=10, start__lt=watched_until),
            TaskSlot.objects.filter(start__lt=now - SLOTS_KEPT),
            BulkAction.objects.filter(finished_at__lt=jobs_until),
            Heartbeat.objects.filter(seen_at__lt=watched_until),
        )
    )


def _delete_in_batches(rows: QuerySet[Model]) -> int:
    """Return how many rows were deleted."""
    total, batch = 0, BATCH
    while batch and (ids := list(rows.values_list("pk", flat=True)[:BATCH])):
        batch, _ = rows.model._default_manager.filter(pk__in=ids).delete()
        total += batch
    return total
