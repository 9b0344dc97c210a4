"""Tasks are long, but workers reserve four of them per process.

Why: A short task waits behind a long one in the same worker while other workers are idle, and a killed worker holds
back everything that it had reserved.

Bad:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]

    # shop/tasks.py
    from celery import shared_task

    @shared_task(time_limit=1800)
    def index(pk): ...

Good:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1

    # shop/tasks.py
    from celery import shared_task

    @shared_task(time_limit=1800)
    def index(pk): ...

Evidence: C2, F79; Celery's guide to optimizing.

Ignore it when: the worker's command line sets the multiplier where this check cannot look.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_task

CODE = "DJC806"
SEVERITY = "hint"
NEEDS_APP = True
LONG = 600


def find(project: Project) -> Iterator[Finding]:
    """Yield the first task with a limit of ten minutes or more if nothing sets the multiplier."""
    if (
        not project.has_complete_settings
        or project.is_set("worker_prefetch_multiplier")
        or project.is_set("worker_disable_prefetch")
    ):
        return
    if any(process.option("--prefetch-multiplier", "-O") is not None for process in project.processes):
        return
    if any(process.role == "worker" and not process.is_celery_command for process in project.processes):
        return
    for task in project.own_tasks:
        limit = task.number("time_limit") or task.number("soft_time_limit") or 0
        if limit >= LONG:
            yield at(
                task.module,
                task,
                f"this may take {limit:g} s, but workers reserve four tasks per process; set the prefetch to 1",
            )
            return


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the first task with such an effective limit if the effective multiplier is above 1."""
    multiplier = running.number("worker_prefetch_multiplier") or 0
    default_prefetch = all(
        process.is_celery_command and process.option("--prefetch-multiplier", "-O") is None
        for process in project.workers
    )
    for task in running.own_tasks if multiplier > 1 and default_prefetch else []:
        limit = task.options["time_limit"] or task.options["soft_time_limit"]
        if isinstance(limit, int | float) and limit >= LONG:
            reserved = f"workers reserve {multiplier:g} tasks per process"
            message = f"this may take {limit:g} s, but {reserved}; set the prefetch to 1"
            yield at_task(project, task, "", message)
            return
