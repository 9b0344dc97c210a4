"""A task has a rate limit.

Why: The limit applies to each worker, not to the whole system, and tasks that wait for it take up prefetched
messages.

Bad:
    from celery import shared_task

    @shared_task(rate_limit="10/m")
    def index(pk): ...

Good:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "calls"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: F74; Celery's documentation of Task.rate_limit.

Ignore it when: there is one worker, and its queue contains only this task.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC805"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield rate limits of tasks and in the settings."""
    for task in project.own_tasks:
        value = task.options.get("rate_limit")
        if value is not None and value.const is not None:
            yield at(task.module, value, "this limit applies to each worker, not to the whole system")
    for setting in project.settings_of("task_default_rate_limit"):
        if setting.value.const is not None:
            yield at(setting.module, setting, "this limit applies to each worker, not to the whole system")
