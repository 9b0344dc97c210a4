"""Keep the jobs that failed permanently, and let a person requeue or discard them."""

import logging
from typing import Any

from celery import current_app
from django.db.models import QuerySet

from djcelery_jobs.core import ledger, outbox
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import Job, State, job_id, subject
from djcelery_jobs.storable import shown

logger = logging.getLogger(__name__)


def keep(
    task: str,
    task_id: str,
    args: Any,
    kwargs: Any,
    error: str,
    *,
    error_class: str = "",
    traceback: str = "",
    queue: str = "",
) -> None:
    """Keep the job of a plain task that failed. A durable one has a row that knows better, so it is left alone.

    Does not raise: the failure is what matters to the caller, and it is in the log too.
    """
    if is_durable(current_app.tasks.get(task)):
        return
    try:
        ledger.record_failure(
            job_id(task_id),
            error=error,
            trace=traceback,
            error_class=error_class,
            task=task[:200],
            args=shown(list(args or [])),
            kwargs=shown(dict(kwargs or {})),
            subject=subject(args or [], kwargs or {}),
            queue=queue or _queue_of(task),
        )
    except Exception:
        logger.exception("could not keep the failed job %s %s", task, task_id)


def requeue(jobs: QuerySet[Job], *, by: str) -> int:
    """Send dead jobs again. Return how many. by: who does it, for the log.

    A durable job continues as if it were new. A plain one is published once: raise what the broker's client raises,
    and then the job stays dead. A job that this code cannot send stays dead too, and its row says why.
    """
    _follow_routes(jobs)
    plain = [name for name, task in current_app.tasks.items() if not is_durable(task)]
    count = ledger.requeue(jobs.exclude(task__in=plain))
    for job in jobs.filter(state=State.DEAD, task__in=plain):
        if reason := outbox.reason_unsendable(job):
            Job.objects.filter(pk=job.pk).update(error=reason[:500])
            continue
        outbox.send(job)
        ledger.close_resent(job, by=by)
        count += 1
    logger.info("%s sent %d dead jobs again", by, count)
    return count


def discard(jobs: QuerySet[Job], *, by: str) -> int:
    """Discard dead jobs; they are pruned with the finished ones. Return how many. by: who does it, for the log."""
    count = ledger.discard(jobs)
    logger.info("%s discarded %d dead jobs", by, count)
    return count


def cancel(jobs: QuerySet[Job], *, by: str) -> int:
    """Discard jobs that wait or are delayed and that no worker has begun. Return how many. by: who does it."""
    count = ledger.cancel(jobs, reason=f"Discarded by {by}.")
    logger.info("%s discarded %d waiting or delayed jobs", by, count)
    return count


def _follow_routes(jobs: QuerySet[Job]) -> None:
    """Move dead jobs of a queue that no longer exists to the queue that their task is routed to now."""
    stranded = jobs.filter(state=State.DEAD).exclude(queue__in=current_app.amqp.queues)
    for task in current_app.tasks.keys() & set(stranded.values_list("task", flat=True)):
        stranded.filter(task=task).update(queue=_queue_of(task))


def _queue_of(task: str) -> str:
    return current_app.amqp.router.route({}, task)["queue"].name
