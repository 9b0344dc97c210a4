"""Cancel durable jobs, and finish what a worker that was killed left unfinished."""

import logging

from celery import current_app
from django.db.models import QuerySet

from djcelery_jobs.core import ledger
from djcelery_jobs.models import Cancellation, Job

operations = logging.getLogger("djcelery_jobs.operations")


def cancel(jobs: QuerySet[Job], *, by: str) -> int:
    """Cancel unfinished jobs among these. Return how many. by: who does it, for the rows and the log.

    A job that waits is cancelled when this returns. A running one is ended by its worker within two seconds.
    """
    if count := ledger.cancel(jobs, by=by):
        operations.info("%s cancelled %d jobs", by, count)
    return count


def finish() -> int:
    """Cancel what no worker has ended, because none runs it any more. Return 0: there is never more for the next tick.

    Beat calls it at each tick.
    """
    ids = list(Cancellation.objects.values_list("pk", flat=True)[: ledger.BATCH])
    if not ids:
        return 0
    ledger.forget_answered_cancellations()
    for pk, task in Job.objects.filter(pk__in=ids).values_list("pk", "task"):
        one_transaction = getattr(current_app.tasks.get(task), "one_transaction", False)
        ledger.finish_cancelled(pk, one_transaction=one_transaction)
    return 0
