"""There is more than one Celery app.

Why: `@shared_task` uses whichever app was created last, the settings differ, and the workers of one app do not know
the tasks of the other.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # shop/tasks.py
    from celery import Celery

    app = Celery("shop")

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.autodiscover_tasks()

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: S1.

Ignore it when: the folder contains several projects, or the second app deliberately talks to another system.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC308"
SEVERITY = "hint"
NEEDS_APP = True
ELSEWHERE = ("example", "sample", "demo", "docs", "benchmark", "script", "test")


def find(project: Project) -> Iterator[Finding]:
    """Yield every app except the one that reads Django's settings."""
    apps = [app for app in project.own_apps if not any(word in app.module.path for word in ELSEWHERE)]
    if len(apps) < 2:
        return
    first = next((app for app in apps if app.namespace is not None), apps[0])
    for app in apps:
        if app is not first:
            yield at(app.module, app.call, f"a second Celery app, in addition to the one in {first.module.path}")
