"""Cancel the row of a durable job that Celery's `revoke` has cancelled, or the relay would publish it again."""

import logging
import time
from typing import Any

from celery import Task
from celery.signals import task_revoked
from django.db import DatabaseError, connections

from djcelery_jobs.core import ledger
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import job_id
from djcelery_jobs.worker import operators

logger = logging.getLogger(__name__)

# Seconds until the database has noticed that a process is gone and has released the row that it had locked.
LOCK_RELEASE = 0.2


@task_revoked.connect(dispatch_uid="djcelery_jobs.worker.revocations.discard_revoked")
def discard_revoked(sender: Task, request: Any, terminated: bool, expired: bool, **kwargs: Any) -> None:
    """Cancel the job that a worker has just refused as revoked, or terminated. Does not raise.

    A message that expired is not a decision of anybody's, and the row knows when the job itself expires.
    """
    if expired or not is_durable(sender) or job_id(request.id) in operators.decisions.ended:
        return
    try:
        for pause in (0, LOCK_RELEASE):
            time.sleep(pause)
            if ledger.discard_revoked(job_id(request.id), terminated=terminated):
                logger.info("cancelled the revoked job %s", request.id)
                return
    except DatabaseError:
        logger.warning("no database; the revoked job %s is published again by the relay", request.id, exc_info=True)
    finally:
        connections.close_all()  # the main process forks children, and must not share a connection with them
