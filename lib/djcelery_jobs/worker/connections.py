"""A worker keeps its database connections from job to job, as a web process does from request to request.

Celery would close them before and after each job, which can cost more than the job. CELERY_DB_REUSE_MAX tells it not
to. Instead, what Django does around a request is done around a job: a connection that broke, or is older than
CONN_MAX_AGE, is closed. So a process has one connection for each job that it runs at the same time, and `most` can say
how many there are in all.
"""

from collections.abc import Mapping
from typing import Any

from celery import Task
from celery.signals import task_postrun, task_prerun, worker_init
from django.conf import settings
from django.db import close_old_connections, connection

# Besides those of its jobs: the main process of a worker reports in a thread; a web process is probed in one.
OBSERVER = 1
BEAT = 1


def look(sender: Task, **kwargs: Any) -> None:
    if not sender.request.is_eager:  # inside of another job, perhaps of its transaction
        close_old_connections()


@worker_init.connect(dispatch_uid="djcelery_jobs.worker.connections")
def look_after(**kwargs: Any) -> None:
    """Only in a worker: whoever runs a task inline has a connection of his own."""
    task_prerun.connect(look, dispatch_uid="djcelery_jobs.worker.connections")
    task_postrun.connect(look, dispatch_uid="djcelery_jobs.worker.connections")


def most(workers: Mapping[str, int], web: int, beats: int) -> dict[str, int]:
    """The connections that there are at most, by kind of process.

    workers: worker processes of each class of work, as `manage.py worker NAME` starts them. web: processes of the web
    server, each of which serves one request at a time. beats: one, and each that stands by.
    """
    of_workers = {
        f"worker {name}": count * (settings.WORKLOADS[name].concurrency + OBSERVER) for name, count in workers.items()
    }
    return {"web": web * (1 + OBSERVER), **of_workers, "beat": beats * BEAT}


def allowed() -> int | None:
    """How many PostgreSQL gives to such as us; None for another database. A pooler in front of it gives more."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        return int(cursor.fetchone()[0])
