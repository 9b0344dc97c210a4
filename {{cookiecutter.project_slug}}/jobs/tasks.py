"""The job layer's own housekeeping."""

from datetime import timedelta

from celery import shared_task
from django.db.models import Model
from django.utils import timezone

from .models import Claim, Redelivery

# A claim must be there as long as its message can still come back. Days.
KEPT = 30
BATCH = 1000  # rows per delete, so that none holds its locks for long


@shared_task
def prune_claims() -> int:
    """Delete claims and counters that no delivery can need any more. Returns how many.

    Idempotent: what is gone is gone, and the next run takes up what this one left.
    """
    before = timezone.now() - timedelta(days=KEPT)
    return _delete_in_batches(Claim, created_at__lt=before) + _delete_in_batches(Redelivery, last_at__lt=before)


def _delete_in_batches(model: type[Model], **too_old: object) -> int:
    total = 0
    while ids := list(model.objects.filter(**too_old).values_list("pk", flat=True)[:BATCH]):
        total += model.objects.filter(pk__in=ids).delete()[0]
    return total
