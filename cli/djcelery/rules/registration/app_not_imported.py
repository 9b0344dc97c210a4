"""Nothing imports the Celery app when Django starts.

Why: A web process then sends tasks with Celery's default app, to amqp://localhost instead of your broker.

Bad:
    # project/__init__.py

    # manage.py
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Good:
    # project/__init__.py
    from project.celery import app

    # manage.py
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: S1, F32; Celery's first steps with Django; celery issue 2267.

Ignore it when: the app is imported some other way before the first request.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC311"
SEVERITY = "warning"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield the app that reads Django's settings if no file imports its module."""
    apps = [app for app in project.own_apps if app.namespace is not None]
    shared = any(task.declared_by == "shared_task" for task in project.own_tasks)
    if len(apps) != 1 or not shared or not any(path.endswith("manage.py") for path in project.paths):
        return
    app = apps[0]
    if not project.imports_anywhere(app.module):
        yield at(app.module, app.call, "no module imports this app, so @shared_task does not use it in web processes")
