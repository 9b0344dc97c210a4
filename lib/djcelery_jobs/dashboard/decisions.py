"""What people decide about dead jobs, written down in the admin's own history: by whom, which, when."""

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
    """Send the dead ones of these again. Returns how many; raises OperationalError when the broker is away."""
    return _decide(jobs, user, dead_letters.requeue, "Sent again.")


def discard(jobs: QuerySet[Job], *, user: Any) -> int:
    """Give the dead ones of these up. Returns how many."""
    return _decide(jobs, user, dead_letters.discard, "Discarded.")


def _decide(jobs: QuerySet[Job], user: Any, do: Callable[..., int], what: str) -> int:
    ids, count = iter(list(jobs.filter(state=State.DEAD).values_list("pk", flat=True))), 0
    while batch := list(islice(ids, BATCH)):
        these = Job.objects.filter(pk__in=batch)
        try:
            count += do(these, by=str(user))
        finally:  # the broker may leave in the middle; what was done by then was done
            decided = these.exclude(state=State.DEAD).only("pk", "task")
            LogEntry.objects.log_actions(user.pk, decided, CHANGE, what)
    return count
