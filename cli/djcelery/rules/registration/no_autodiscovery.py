"""The Celery app finds no tasks.

Why: Without `autodiscover_tasks`, `include` or `imports` a worker registers only what something else happens to
import.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")

    # project/__init__.py
    from project.celery import app

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

Evidence: S1, F30.

Ignore it when: the modules are imported by hand where the worker starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC309"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Apps that read Django's settings and name no tasks in any way."""
    if project.is_set("imports") or project.is_set("include"):
        return
    for app in project.own_apps:
        discovers = any(module.called("autodiscover_tasks") for module in project.modules)
        named = {"include", "tasks"} & set(app.call.named) or app.call.spread
        loads = any(".tasks" in name for name in app.module.imported)
        if (
            app.namespace is not None
            and not discovers
            and not named
            and not loads
            and not holds_tasks(project, app.module.path)
        ):
            yield at(app.module, app.call, "nothing tells this app where its tasks are: call autodiscover_tasks()")


def holds_tasks(project: Project, path: str) -> bool:
    """Whether the module of the app holds tasks itself."""
    return any(task.module.path == path for task in project.own_tasks)
