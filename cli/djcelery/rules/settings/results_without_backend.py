"""A result is read, but no backend stores it.

Why: `.get()` and `.status` fail with "No result backend is configured".

Bad:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_TIME_LIMIT = 60

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    def show(pk):
        return price.delay(pk).get(timeout=5)

Good:
    # project/settings.py
    import sentry_sdk

    INSTALLED_APPS = ["shop"]
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_TIME_LIMIT = 60
    CELERY_RESULT_BACKEND = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    def show(pk):
        return price.delay(pk).get(timeout=5)

Evidence: S3.

Ignore it when: the backend is set at run time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._results import find_waits

CODE = "DJC711"
SEVERITY = "warning"
NEEDS_APP = True
RUNTIME_ONLY = True


def find(project: Project) -> Iterator[Finding]:
    """Yield waits on results if the settings are known and set no backend."""
    if not project.has_complete_settings or any(
        "RESULT_BACKEND" in setting.name.upper() for setting in project.settings
    ):
        return
    if project.is_set("result_backend") or any("backend" in app.options for app in project.apps):
        return
    for wait in find_waits(project):
        yield at(wait.module, wait.call.value, "no result backend is set, so there is no result to read")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield waits on results if the effective settings have no backend."""
    if running.settings["result_backend"] in {None, "", "disabled", "disabled://"}:
        for wait in find_waits(project):
            yield at(wait.module, wait.call.value, "no result backend is set, so there is no result to read")
