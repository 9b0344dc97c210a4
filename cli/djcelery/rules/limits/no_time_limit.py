"""No task has a time limit.

Why: A call that never returns occupies a worker process indefinitely. Once every process hangs, no task runs, and the
worker still looks healthy.

Bad:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Good:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_TIME_LIMIT = 300

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: X2, F47; Celery's guide to tasks. Four of eight mature projects set none.

Ignore it when: the worker's command line sets it where this check cannot look.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_app

CODE = "DJC501"
SEVERITY = "warning"
NEEDS_APP = True
RUNTIME_ONLY = True
LIMITS = ("task_time_limit", "task_soft_time_limit")


def find(project: Project) -> Iterator[Finding]:
    """Yield the app if neither settings nor tasks nor worker commands set a limit."""
    if not project.has_complete_settings or not project.own_tasks:
        return
    if any(project.is_set(key) for key in (*LIMITS, "task_annotations")) or by_command(project):
        return
    if any(setting.name.endswith(("TASK_TIME_LIMIT", "TASK_SOFT_TIME_LIMIT")) for setting in project.settings):
        return
    if any(
        {"time_limit", "soft_time_limit"} & set(task.options) or task.has_hidden_options for task in project.own_tasks
    ):
        return
    app = next((app for app in project.own_apps if app.namespace is not None), project.own_apps[0])
    if not project.task_classes and not app.is_custom:
        yield at(
            app.module, app.call, "no task has a time limit, so one that hangs occupies its worker process indefinitely"
        )


def by_command(project: Project) -> bool:
    """Return whether a worker is started with a limit."""
    return any(process.option("--time-limit", "--soft-time-limit") is not None for process in project.processes)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the app if no effective limit is set. This is an error, because nothing is guessed."""
    limits = [running.settings["task_time_limit"], running.settings["task_soft_time_limit"]]
    limits += [task.options[key] for task in running.tasks.values() for key in ("time_limit", "soft_time_limit")]
    if running.own_tasks and not any(limits) and not by_command(project):
        yield at_app(project, "no task in the running app has a time limit", "error")
