"""A worker runs in a pool that does not enforce the time limits.

Why: Only the prefork pool can end a job. `threads` and `solo` ignore both limits. `gevent` and `eventlet` ignore the
soft limit, and can end a job at the hard one only where it yields.

Bad:
    # project/settings.py
    CELERY_TASK_TIME_LIMIT = 300

    # Procfile
    worker: celery -A project worker -P threads -c 20 --max-tasks-per-child 100

Good:
    # project/settings.py
    CELERY_TASK_TIME_LIMIT = 300

    # Procfile
    worker: celery -A project worker -c 20 --max-tasks-per-child 100

Evidence: X2, F47; Celery's guide to workers, "Time Limits".

Ignore it when: every call in these jobs has a timeout of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.processes import Process
from djcelery.rules._base import Finding, Project, at, on

CODE = "DJC514"
SEVERITY = "warning"
NEEDS_APP = True
LIMITS = ("task_time_limit", "task_soft_time_limit")
UNLIMITED = frozenset({"threads", "solo"})
YIELDING = frozenset({"gevent", "eventlet"})


def find(project: Project) -> Iterator[Finding]:
    """Yield worker commands and settings that choose such a pool where a limit is set."""
    if not has_limits(project):
        return
    for worker in project.workers:
        pool = pool_of(worker)
        if problem := describe(pool):
            yield on(worker.path, worker.line, problem)
    for setting in project.settings_of("worker_pool"):
        if not setting.local and (problem := describe(project.text(setting.module, setting.value) or "")):
            yield at(setting.module, setting, problem)


def has_limits(project: Project) -> bool:
    """Return whether a time limit is set, for all tasks or for one."""
    if any(project.is_set(key) for key in LIMITS):
        return True
    return any({"time_limit", "soft_time_limit"} & set(task.options) for task in project.own_tasks)


def pool_of(worker: Process) -> str:
    """Return the pool that a command line chooses."""
    return worker.option("-P", "--pool") or ""


def describe(pool: str) -> str:
    """Say which limits a pool ignores, or return an empty text."""
    if pool in UNLIMITED:
        return f"the {pool} pool enforces no time limit"
    if pool in YIELDING:
        return f"the {pool} pool ignores soft time limits, and ends a job at the hard one only where it yields"
    return ""
