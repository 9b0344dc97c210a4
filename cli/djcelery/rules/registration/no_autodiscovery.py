"""The Celery app does not find any tasks.

Why: Without `autodiscover_tasks`, `include` or `imports`, a worker registers only the tasks whose modules happen to
be imported.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

Evidence: S1, F30.

Ignore it when: the modules are imported explicitly where the worker starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC309"
SEVERITY = "warning"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield apps that read Django's settings and know of no tasks."""
    if project.is_set("imports") or project.is_set("include"):
        return
    for app in project.own_apps:
        discovers = any(module.calls_to("autodiscover_tasks") for module in project.modules)
        named = {"include", "tasks"} & set(app.options) or app.call.spreads_arguments
        loads = any(".tasks" in name for name in app.module.imported)
        if (
            app.namespace is not None
            and not discovers
            and not named
            and not loads
            and not holds_tasks(project, app.module.path)
        ):
            yield at(app.module, app.call, "this app does not know where its tasks are; call autodiscover_tasks()")


def holds_tasks(project: Project, path: str) -> bool:
    """Return whether the module of the app contains tasks itself."""
    return any(task.module.path == path for task in project.own_tasks)
