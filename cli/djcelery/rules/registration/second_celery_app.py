"""There is more than one Celery app.

Why: `@shared_task` goes to whichever was made last, settings differ, and a worker of one knows nothing of the
other's tasks.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

    # shop/tasks.py
    from celery import Celery

    app = Celery("shop")

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: S1.

Ignore it when: the folder holds several projects, or the second app talks to another system on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC308"
SEVERITY = "hint"
ELSEWHERE = ("example", "sample", "demo", "docs", "benchmark", "script", "test")


def find(project: Project) -> Iterator[Finding]:
    """Every app but the one that reads Django's settings."""
    apps = [app for app in project.own_apps if not any(word in app.module.path for word in ELSEWHERE)]
    if len(apps) < 2:
        return
    first = next((app for app in apps if app.namespace is not None), apps[0])
    for app in apps:
        if app is not first:
            yield at(app.module, app.call, f"a second Celery app beside the one in {first.module.path}")
