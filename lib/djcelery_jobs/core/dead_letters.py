"""Keep the jobs that failed permanently, and let a person requeue or discard them."""

import logging
import uuid
from typing import Any

from celery import current_app
from django.db.models import QuerySet

from djcelery_jobs.core import ledger, outbox
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import Job, State, atomic, job_id, subject
from djcelery_jobs.storable import shown

logger = logging.getLogger(__name__)
operations = logging.getLogger("djcelery_jobs.operations")


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
    """Send dead or cancelled jobs again. Return how many. by: who does it, for the log.

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
    operations.info("%s sent %d jobs again", by, count)
    return count


def discard(jobs: QuerySet[Job], *, by: str) -> int:
    """Discard dead jobs; they are pruned with the finished ones. Return how many. by: who does it, for the log."""
    count = ledger.discard(jobs)
    operations.info("%s discarded %d dead jobs", by, count)
    return count


def run_now(jobs: QuerySet[Job], *, by: str) -> int:
    """Let delayed jobs begin without waiting for their time. Return how many. by: who does it, for the log."""
    count = ledger.run_now(jobs)
    operations.info("%s let %d delayed jobs begin now", by, count)
    return count


def send_again_with(job: Job, args: Any, kwargs: Any, *, by: str) -> str:
    """Send a dead job again with other arguments, as a new job, and return the id of that. The old one is discarded.

    Raise ValueError when the job is not dead, TypeError and ValueError for arguments that the task does not take, and
    what the broker's client raises for a plain task.
    """
    task = current_app.tasks.get(job.task)
    if job.state != State.DEAD:
        raise ValueError(f"Only a dead job can be sent again with other arguments. This one is {job.state}.")
    if task is None:
        raise ValueError(f"No task is called {job.task}.")
    options = {"queue": job.queue if job.queue in current_app.amqp.queues else None}
    if not is_durable(task):
        sent = task.apply_async(args, kwargs, **options)
        ledger.close_replaced(job, by=by, replacement=sent.id)
    else:
        with atomic():
            new_id = str(uuid.uuid4())
            if not ledger.close_replaced(job, by=by, replacement=new_id):
                raise ValueError("Somebody else has just decided about this job. Look at it again.")
            [sent_job] = outbox.write(task, [(args, kwargs)], key=job.key, task_id=new_id, replaces=job.pk, **options)
            sent = task.AsyncResult(str(sent_job.pk))
    operations.info("%s sent %s %s again with other arguments, as %s", by, job.task, job.pk, sent.id)
    return str(sent.id)


def _follow_routes(jobs: QuerySet[Job]) -> None:
    """Move dead jobs of a queue that no longer exists to the queue that their task is routed to now."""
    stranded = jobs.filter(state=State.DEAD).exclude(queue__in=current_app.amqp.queues)
    for task in current_app.tasks.keys() & set(stranded.values_list("task", flat=True)):
        stranded.filter(task=task).update(queue=_queue_of(task))


def _queue_of(task: str) -> str:
    return current_app.amqp.router.route({}, task)["queue"].name
