"""Let a durable task ask about the job that it runs as, and put that job off."""

import time
import uuid
from datetime import datetime, timedelta

from celery import current_task
from celery.app.task import Context
from celery.exceptions import Ignore
from django.conf import settings
from django.utils import timezone

from djcelery_jobs.models import Cancellation, job_id

LOOK_PAUSE = 0.5  # seconds between two looks at the database for a cancellation


class SnoozedError(Ignore):
    """Say that a job puts itself off. Celery's `autoretry_for` leaves it alone."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"snoozed until {until}")
        self.until = until


class CurrentJob:
    """Describe the durable job in which the caller runs. Use the one instance: `from djcelery_jobs import job`."""

    @property
    def id(self) -> uuid.UUID | None:
        """Return the id of the job, and None outside of one."""
        request = _request()
        return job_id(request.id) if request else None

    def cancelled(self) -> bool:
        """Return whether somebody has cancelled the job. A task that sees this cleans up and returns.

        The work of a task that is one transaction is then rolled back. Any other task keeps what it has committed. You
        can call this often: it asks the database at most twice a second. Outside of a durable job, return False.
        """
        request = _request()
        if request is None:
            return False
        looked_at, answer = getattr(request, "cancellation_look", (None, False))
        if answer or (looked_at is not None and time.monotonic() - looked_at < LOOK_PAUSE):
            return answer
        answer = Cancellation.objects.filter(pk=job_id(request.id)).exists()
        request.cancellation_look = (time.monotonic(), answer)
        return answer

    def snooze(self, seconds: float | None = None, *, until: datetime | None = None) -> None:
        """Postpone the job and end this run, without spending an attempt. This call does not return.

        If the task is one transaction, the work of this run is rolled back. Raise TypeError outside of a durable job,
        and unless exactly one of `seconds` and `until` is given.
        """
        if (seconds is None) == (until is None):
            raise TypeError("Call job.snooze() with either seconds or until.")
        if _request() is None:
            raise TypeError("Only a durable job can be snoozed, while a worker runs it. Set base=DurableTask.")
        if until is None:
            until = timezone.now() + timedelta(seconds=float(seconds or 0))
        raise SnoozedError(timezone.make_aware(until) if settings.USE_TZ and timezone.is_naive(until) else until)


def _request() -> Context | None:
    """Return Celery's request of the durable job that this code runs in."""
    request = current_task.request if current_task else None
    return request if request is not None and getattr(request, "begun", False) else None


job = CurrentJob()
