"""A task with late acknowledgement may run longer than the visibility timeout.

Why: Redis assumes that the worker is dead and gives the message to another one while the first is still working on
it.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task(acks_late=True, reject_on_worker_lost=True, time_limit=7200)
    def index(pk): ...

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 9000}

    # shop/tasks.py
    from celery import shared_task

    @shared_task(acks_late=True, reject_on_worker_lost=True, time_limit=7200)
    def index(pk): ...

Evidence: X2, F56; Celery's guide to Redis.

Ignore it when: running twice at the same time does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._broker import effective_visibility, visibility
from djcelery.rules._running import at_task

CODE = "DJC510"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield limits that are too long for tasks with late acknowledgement on Redis."""
    timeout = visibility(project)
    if timeout is None or not project.uses_redis:
        return
    everywhere = project.is_on("task_acks_late")
    for task in project.own_tasks:
        value = task.options.get("time_limit") or task.options.get("soft_time_limit")
        limit = project.number(task.module, value)
        if value is not None and limit is not None and limit > timeout and (everywhere or task.is_on("acks_late")):
            yield at(
                task.module,
                value,
                f"{limit:g} s exceeds the visibility timeout of {timeout:g} s, so Redis delivers it again",
            )
    for setting in project.settings_of("task_time_limit"):
        limit = project.number(setting.module, setting.value)
        if limit is not None and limit > timeout and everywhere:
            yield at(
                setting.module,
                setting,
                f"{limit:g} s exceeds the visibility timeout of {timeout:g} s, so Redis delivers it again",
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield effective limits that exceed the effective visibility timeout."""
    timeout = effective_visibility(project)
    if timeout is None or running.broker not in {"redis", "rediss", "sentinel"}:
        return
    for task in running.own_tasks:
        limit = task.options["time_limit"] or task.options["soft_time_limit"]
        if task.options["acks_late"] is True and isinstance(limit, int | float) and limit > timeout:
            message = f"{limit:g} s exceeds the visibility timeout of {timeout:g} s, so Redis delivers it again"
            yield at_task(project, task, "time_limit", message)
