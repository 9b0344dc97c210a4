"""A task has no route although others have one.

Why: It goes to the default queue, where it waits behind other kinds of work, or where no worker looks.

Bad:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "fast"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

    @shared_task
    def report(pk): ...

    # Procfile
    worker: celery -A project worker -Q fast

Good:
    # project/settings.py
    CELERY_TASK_ROUTES = {
        "shop.tasks.index": {"queue": "fast"},
        "shop.tasks.report": {"queue": "fast"},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

    @shared_task
    def report(pk): ...

    # Procfile
    worker: celery -A project worker -Q fast

Evidence: C1.

Ignore it when: the default queue is intended and has a worker.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._queues import consumed_queues

CODE = "DJC804"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks without a route or a queue if no worker consumes the default queue, or if each needs a class."""
    routes = project.routes
    problem = describe_default(project)
    if not problem or routes is None or not (routes or project.workloads):
        return
    for task in project.own_tasks:
        routed = any(fnmatch.fnmatchcase(task.name, route.pattern) for route in routes)
        if routed or "queue" in task.options or task.has_hidden_options or task.name.startswith("djcelery_jobs."):
            continue
        if project.workloads or not task.bases:
            yield at(task.module, task, f"{task.name} has no route, {problem}")


def describe_default(project: Project) -> str:
    """Say why a task without a route is wrong here, or return an empty text."""
    if project.workloads:
        return "so no workload class decides its worker and its limits"
    queues = consumed_queues(project)
    default = next(
        (project.text(setting.module, setting.value) for setting in project.settings_of("task_default_queue")), "celery"
    )
    if queues is None or default is None or default in queues:
        return ""
    return f"and no worker consumes the default queue {default}"
