"""A worker keeps its database connections from job to job, as a web process does from request to request.

Celery would close them before and after each job, which can cost more than the job. CELERY_DB_REUSE_MAX tells it not
to. Instead, what Django does around a request is done around a job: a connection that broke, or is older than
CONN_MAX_AGE, is closed.
"""

from typing import Any

from celery import Task
from celery.signals import task_postrun, task_prerun, worker_init
from django.db import close_old_connections


def look(sender: Task, **kwargs: Any) -> None:
    if not sender.request.is_eager:  # inside of another job, perhaps of its transaction
        close_old_connections()


@worker_init.connect(dispatch_uid="jobs.connections")
def look_after(**kwargs: Any) -> None:
    """Only in a worker: whoever runs a task inline has a connection of his own."""
    task_prerun.connect(look, dispatch_uid="jobs.connections")
    task_postrun.connect(look, dispatch_uid="jobs.connections")
