"""Code uses a feature that Celery 6 removes or ignores.

Why: Celery 5.7 warns about it. In Celery 6, `queue` and the other routing attributes of a task have no effect,
`broker_connection_retry` no longer applies to the start of a worker, and `AsyncResult.wait` is gone.

Bad:
    from celery import shared_task

    @shared_task(queue="slow")
    def index(pk): ...

Good:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: F68; the deprecation warnings in Celery 5.7.

Ignore it when: you stay on Celery 5.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, OptionalSeverity, Project, at
from djcelery.rules._results import find_waits

CODE = "DJC715"
SEVERITY = "hint"
ROUTING = ("queue", "exchange", "exchange_type", "routing_key", "delivery_mode", "priority")
ACKS = "acks_on_failure_or_timeout"


def find(project: Project) -> Iterator[Finding]:
    """Yield what Celery 6 removes. They are warnings if this code base already requires Celery 6."""
    version = project.lowest_version("celery")
    severity: OptionalSeverity = "warning" if version is not None and version >= (6,) else ""
    for task in project.own_tasks:
        for option in ROUTING:
            if option in task.options:
                message = f"Celery 6 ignores {option} of a task; use task_routes"
                yield at(task.module, task.options[option], message, severity)
        if ACKS in task.options:
            yield at(task.module, task.options[ACKS], f"{ACKS} is deprecated; use acks_on_failure and acks_on_timeout")
    for setting in project.settings_of("task_acks_on_failure_or_timeout"):
        yield at(setting.module, setting, f"{ACKS} is deprecated; use task_acks_on_failure and task_acks_on_timeout")
    for setting in project.settings_of("broker_connection_retry"):
        off = project.resolve(setting.module, setting.value).const is False
        if off and not project.is_set("broker_connection_retry_on_startup"):
            message = "from Celery 6 on this does not cover the start of a worker; set it ..._on_startup as well"
            yield at(setting.module, setting, message, severity)
    for wait in find_waits(project):
        if wait.call.value.last == "wait" and not context.is_test(wait.module.path):
            yield at(wait.module, wait.call.value, "Celery 6 removes wait(); use get()", severity)
