"""Keep a worker's database connections from job to job, as a web process does from request to request.

Celery would close them before and after each job, which can cost more than the job. CELERY_DB_REUSE_MAX tells it not
to. Instead, a job does what Django does around a request: it closes a connection that broke or is older than
CONN_MAX_AGE. So a process has one connection per job that it runs at the same time, and `connections_needed` can say
how many there are in all.

Django would then ask the database whether the connection works (`SELECT 1`) before the first query of each job. For a
job of a few milliseconds that is a large part of its cost, so jobs that follow each other within a second share a look.
"""

import threading
import time
from collections.abc import Mapping
from typing import Any

from celery import Task
from celery.signals import task_postrun, task_prerun, worker_init, worker_process_init
from django.conf import settings
from django.db import close_old_connections, connection, connections

# Besides those of the jobs: a worker's main process reports from a thread, and a web process is probed in one.
OBSERVER = 1
BEAT = 1
LOOK_PAUSE = 1.0  # seconds between two looks at connections that nothing happened to


class Looks(threading.local):
    """Hold when this thread looks at its connections again, on the monotonic clock."""

    due_at = 0.0


looks = Looks()


def close_stale_connections(sender: Task, **kwargs: Any) -> None:
    """Close the connections that broke or are too old, as Django does around a request."""
    if sender.request.is_eager:  # it runs inside another job, perhaps inside its transaction
        return
    if time.monotonic() >= looks.due_at or any(map(_needs_look, connections.all(initialized_only=True))):
        close_old_connections()
        looks.due_at = time.monotonic() + LOOK_PAUSE


def _needs_look(used: Any) -> bool:
    """Return whether a connection had an error, or a job has left it in another state than it found it in."""
    if used.connection is None:
        return False
    return bool(used.errors_occurred or used.get_autocommit() != used.settings_dict["AUTOCOMMIT"])


# Both signals: a child that was spawned and not forked has not inherited what the main process connected.
@worker_init.connect(dispatch_uid="djcelery_jobs.worker.connections")
@worker_process_init.connect(dispatch_uid="djcelery_jobs.worker.connections")
def keep_connections_between_jobs(**kwargs: Any) -> None:
    """Look at the connections around each job. Only in a worker: code that runs a task inline has its own."""
    task_prerun.connect(close_stale_connections, dispatch_uid="djcelery_jobs.worker.connections")
    task_postrun.connect(close_stale_connections, dispatch_uid="djcelery_jobs.worker.connections")


def connections_needed(workers: Mapping[str, int], web: int, beats: int) -> dict[str, int]:
    """Return the largest number of connections by kind of process.

    workers: worker processes of each workload class, as `manage.py worker NAME` starts them. web: processes of the web
    server, each of which serves one request at a time. beats: the active one and each standby.
    """
    of_workers = {
        f"worker {name}": count * (settings.WORKLOADS[name].concurrency + OBSERVER) for name, count in workers.items()
    }
    return {"web": web * (1 + OBSERVER), **of_workers, "beat": beats * BEAT}


def connections_allowed() -> int | None:
    """Return PostgreSQL's connection limit for ordinary roles; None on other databases. A pooler may allow more."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        return int(cursor.fetchone()[0])
