"""A Django app declares a task on the project's Celery app.

Why: The Django app can then be used in this project only, and importing it imports the project's Celery app.

Bad:
    # shop/tasks.py
    from project.celery import app

    @app.task
    def index(pk): ...

Good:
    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: T1, F35; Celery's guide for Django. Common in mature code (202 of 384 tasks), so only a hint.

Ignore it when: the app will never be used elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC307"
SEVERITY = "hint"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks on a Celery app of another package."""
    homes = {app.module.name.partition(".")[0] for app in project.own_apps}
    for task in project.own_tasks:
        module = task.module
        beside = any(app.module is module for app in project.own_apps)
        if task.declared_by == "app.task" and not beside and homes and module.name.rpartition(".")[2] == "tasks":
            yield at(module, task, "declare the tasks of a Django app with @shared_task")
