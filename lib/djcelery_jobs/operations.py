"""Operate the jobs from code, as the page and `manage.py jobs` do: pause, cancel, run now, send again, act on many.

Each function takes `by`: who does it, for the rows and the log. It checks no permission; that is up to the caller.
Jobs are named by a JobFilter, by their ids, or by a query.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from celery import current_app
from django.conf import settings
from django.db.models import QuerySet

from djcelery_jobs.beat.entries import entry_names, run_entry
from djcelery_jobs.core import bulk, cancellations, dead_letters, pauses
from djcelery_jobs.core.selection import STATES, JobFilter
from djcelery_jobs.models import BulkAction, Job, Pause, PauseKind

__all__ = [
    "STATES",
    "JobFilter",
    "act_on_all",
    "cancel",
    "discard",
    "find",
    "pause_entry",
    "pause_queue",
    "pause_task",
    "pauses_now",
    "resume_entry",
    "resume_queue",
    "resume_task",
    "run_entry",
    "run_now",
    "send_again",
    "send_again_with",
]

Jobs: TypeAlias = "JobFilter | QuerySet[Job] | Iterable[uuid.UUID | str]"


def find(jobs: Jobs) -> QuerySet[Job]:
    """Return the selected jobs as a queryset. Raise ValueError for an id that is not a UUID."""
    if isinstance(jobs, JobFilter):
        return jobs.jobs()
    if isinstance(jobs, QuerySet):
        return jobs
    return Job.objects.filter(pk__in=[uuid.UUID(str(job)) for job in jobs])


# -- Pauses


def pause_queue(name: str, *, by: str) -> bool:
    """Pause a queue: none of its jobs starts until it is resumed, also after restarts. Dispatching continues.

    Return False when it is paused already. Raise ValueError for a queue that is not declared.
    """
    return pauses.pause(PauseKind.QUEUE, _known("queue", name, settings.WORKLOADS), by=by)


def pause_task(name: str, *, by: str) -> bool:
    """Pause a task: none of its jobs starts until it is resumed. Return False when it is paused already.

    Raise ValueError for a task that this process does not know.
    """
    return pauses.pause(PauseKind.TASK, _known("task", name, current_app.tasks), by=by)


def pause_entry(name: str, *, by: str) -> bool:
    """Pause an entry of the schedule: beat skips its runs until it is resumed, and sends none of them later.

    Return False when it is paused already. Raise ValueError for an entry that does not exist.
    """
    return pauses.pause(PauseKind.ENTRY, _known("schedule entry", name, entry_names()), by=by)


def resume_queue(name: str, *, by: str) -> bool:
    """End the pause of a queue. Return False when there is none. Jobs start within one tick of beat."""
    return pauses.resume(PauseKind.QUEUE, name, by=by)


def resume_task(name: str, *, by: str) -> bool:
    """End the pause of a task. Return False when there is none. Jobs start within one tick of beat."""
    return pauses.resume(PauseKind.TASK, name, by=by)


def resume_entry(name: str, *, by: str) -> bool:
    """End the pause of an entry. Return False when there is none. The entry runs when it is due next."""
    return pauses.resume(PauseKind.ENTRY, name, by=by)


def pauses_now() -> Sequence[Pause]:
    """Return what is paused, with who paused it and when, the latest first."""
    return list(Pause.objects.order_by("-paused_at", "-pk"))


# -- Jobs


def cancel(jobs: Jobs, *, by: str) -> int:
    """Cancel the durable jobs among these that are not finished. Return how many.

    A job that waits or is delayed is cancelled at once. A running one is ended within two seconds on the prefork pool,
    and what it did in its transaction is rolled back.
    """
    return cancellations.cancel(find(jobs), by=by)


def run_now(jobs: Jobs, *, by: str) -> int:
    """Let delayed jobs, also those that wait for a retry, begin within one tick of beat. Return how many."""
    return dead_letters.run_now(find(jobs), by=by)


def send_again(jobs: Jobs, *, by: str) -> int:
    """Send dead and cancelled jobs again, as they are. Return how many.

    For the job of a plain task, raise the errors of the broker's client.
    """
    return dead_letters.requeue(find(jobs), by=by)


def send_again_with(
    job: uuid.UUID | str, args: Collection[Any] = (), kwargs: dict[str, Any] | None = None, *, by: str
) -> str:
    """Send a dead job again with other arguments, as a new job that names it, and return the id of the new one.

    Raise Job.DoesNotExist, ValueError when the job is not dead, and TypeError for arguments that the task does not
    take.
    """
    return dead_letters.send_again_with(Job.objects.get(pk=job), list(args), kwargs or {}, by=by)


def discard(jobs: Jobs, *, by: str) -> int:
    """Discard dead jobs. Return how many."""
    return dead_letters.discard(find(jobs), by=by)


def act_on_all(action: str, jobs: JobFilter, *, by: str) -> BulkAction:
    """Let beat carry out "requeue", "discard", "cancel" or "run" on every job that matches now, batch by batch.

    Return the row in which beat writes how far it is.
    """
    return bulk.start(action, jobs, by=by, expected=bulk.candidates(action, jobs).count())


def _known(kind: str, name: str, names: Iterable[str]) -> str:
    if name in names:
        return name
    close = get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]}?" if close else f" Known: {', '.join(sorted(names)) or 'none'}."
    raise ValueError(f"No {kind} is called {name!r}.{hint}")
