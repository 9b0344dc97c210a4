"""Carry out what people decide about dead jobs, and record it in the admin's history: who, which job, when."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet

from djcelery_jobs.core import dead_letters
from djcelery_jobs.models import Job, State

BATCH = 500  # jobs


def requeue(jobs: QuerySet[Job], *, user: Any) -> int:
    """Send the dead jobs among these again. Return how many. Raise OperationalError when the broker is away."""
    return _decide(jobs, user, dead_letters.requeue, "Sent again.")


def discard(jobs: QuerySet[Job], *, user: Any) -> int:
    """Discard the dead jobs among these. Return how many."""
    return _decide(jobs, user, dead_letters.discard, "Discarded.")


def _decide(jobs: QuerySet[Job], user: Any, decide: Callable[..., int], change_message: str) -> int:
    ids, count = iter(list(jobs.filter(state=State.DEAD).values_list("pk", flat=True))), 0
    while batch := list(islice(ids, BATCH)):
        dead = Job.objects.filter(pk__in=batch)
        try:
            count += decide(dead, by=str(user))
        finally:  # the broker may go away in the middle: record the jobs that were decided by then
            decided = dead.exclude(state=State.DEAD).only("pk", "task")
            LogEntry.objects.log_actions(user.pk, decided, CHANGE, change_message)
    return count
