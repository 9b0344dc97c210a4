"""Act on every job that matches a filter: batch by batch, in beat, so that whoever asks for it does not wait.

Each job is looked at once, in the order of dispatch. What fails again meanwhile is left for the next decision. Jobs
are sent again one batch at a time, and no batch follows while a whole one waits in its queue: so other jobs of the
queue do not wait behind all of them.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from celery.exceptions import OperationalError
from django.db.models import Q, QuerySet
from django.utils import timezone

from djcelery_jobs.core import cancellations, dead_letters, ledger, outbox
from djcelery_jobs.core.selection import JobFilter, page_key, page_key_of
from djcelery_jobs.models import UNFINISHED, BulkAction, Job, State
from djcelery_jobs.storable import error_text

logger = logging.getLogger(__name__)
operations = logging.getLogger("djcelery_jobs.operations")

ACTIONS_TRIED = 20  # when those before have to wait
# By the name of the action: what does it, and which jobs it is for.
ACTIONS: dict[str, tuple[Callable[..., int], Q]] = {
    "requeue": (dead_letters.requeue, Q(state__in=ledger.SENT_AGAIN)),
    "discard": (dead_letters.discard, Q(state=State.DEAD)),
    "cancel": (cancellations.cancel, Q(state__in=UNFINISHED)),
    "run": (dead_letters.run_now, Q(state=State.DELAYED)),
}


def candidates(action: str, selection: JobFilter) -> QuerySet[Job]:
    """Return the jobs that match and that the action is for."""
    return selection.jobs().filter(ACTIONS[action][1])


def start(action: str, selection: JobFilter, *, by: str, expected: int = 0) -> BulkAction:
    """Let beat carry out the action on every job that matches now. Raise ValueError for an unknown action.

    by: who decided. expected: how many jobs matched then, for the progress that people see.
    """
    if action not in ACTIONS:
        raise ValueError(f"Invalid action: {action!r}. Choose from: {', '.join(ACTIONS)}.")
    operations.info("%s begins: %s for all jobs that match: %s", by, action, selection)
    texts = selection.as_texts()
    return BulkAction.objects.create(action=action, filter=texts, requested_by=by[:200], expected=expected)


def work_off() -> int:
    """Carry out one batch of the oldest action that need not wait.

    Return how many jobs it had; BATCH means that there are more.
    """
    for action in BulkAction.objects.filter(finished_at=None).order_by("pk")[:ACTIONS_TRIED]:
        count = _try(action)
        if count is not None:
            return count
    return 0


def _try(action: BulkAction) -> int | None:
    """Carry out one batch. Return None when it has to wait for the relay, the workers or the broker."""
    try:
        return _work_off(action)
    except OperationalError:
        logger.warning("bulk action %d: the broker is down, trying again later", action.pk, exc_info=True)
        outbox.breaker.open()
    except ValueError as error:  # a filter that this version does not understand
        action.error = error_text(error)[:500]
        _end(action)
    return None


def _is_to_wait(jobs: list[Job]) -> bool:
    """Return whether these jobs are not to be sent again yet, since what was sent before them still waits."""
    return ledger.are_many_due() or any(map(_is_long, {job.queue for job in jobs}))


def _is_long(queue: str) -> bool:
    return Job.objects.filter(ledger.AT_BROKER, queue=queue)[: ledger.BATCH].count() == ledger.BATCH


def _work_off(action: BulkAction) -> int | None:
    selection = JobFilter.parse(action.filter)
    decide, _ = ACTIONS[action.action]
    sends = action.action == "requeue"
    if sends and not outbox.breaker.closed:
        return None
    jobs = list(_next(action, selection))
    if sends and _is_to_wait(jobs):
        return None
    if ids := [job.pk for job in jobs if selection.shows(job)]:
        action.changed += decide(Job.objects.filter(pk__in=ids), by=action.requested_by)
    action.looked_at += len(jobs)
    if jobs:
        action.cursor = page_key(jobs[-1])
    if len(jobs) < ledger.BATCH:
        _end(action)
    # A kill before this line repeats the batch, in which no job matches any more.
    action.save()
    return len(jobs)


def _next(action: BulkAction, selection: JobFilter) -> QuerySet[Job]:
    before = action.requested_at
    jobs = candidates(action.action, selection).filter(_ended_before(before), created_at__lte=before)
    if key := page_key_of(action.cursor):
        created_at, pk = key
        jobs = jobs.filter(created_at__gte=created_at).exclude(created_at=created_at, pk__lte=pk)
    columns = ["task", "queue", "created_at", *(selection.VISIBLE if selection.text else ())]
    return jobs.only(*columns).order_by("created_at", "pk")[: ledger.BATCH]


def _ended_before(moment: datetime) -> Q:
    return Q(finished_at=None) | Q(finished_at__lte=moment)


def _end(action: BulkAction) -> None:
    action.finished_at = timezone.now()
    action.save()
    operations.info("%s finished: %s for %d jobs that matched", action.requested_by, action.action, action.changed)
