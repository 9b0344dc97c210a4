"""A Django app declares its task on the project's Celery app.

Why: The app can then be used in this project only, and importing it imports the project's Celery app.

Bad:
    # shop/tasks.py
    from project.celery import app

    @app.task
    def index(pk): ...

    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

Good:
    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

Evidence: T1, F35; Celery's guide for Django. Usual in mature code (202 of 384 tasks), therefore a hint.

Ignore it when: the app will never be used elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC307"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Tasks on an app that another package holds."""
    homes = {app.module.name.partition(".")[0] for app in project.own_apps}
    for task in project.own_tasks:
        module = task.module
        beside = any(app.module is module for app in project.own_apps)
        if task.how == "app.task" and not beside and homes and module.name.rpartition(".")[2] == "tasks":
            yield at(module, task, "a Django app declares its tasks with @shared_task")
