"""Failing tasks are not reported anywhere.

Why: A failing task writes a line to the log of a worker. Without an error tracker or a task_failure handler, nobody
learns about it.

Bad:
    # project/settings.py
    INSTALLED_APPS = ["shop"]
    CELERY_TASK_TIME_LIMIT = 60

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Good:
    # project/celery.py
    from celery import Celery
    from celery.signals import task_failure

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    @task_failure.connect
    def failed(sender, **kwargs): ...

    # project/settings.py
    INSTALLED_APPS = ["shop"]
    CELERY_TASK_TIME_LIMIT = 60

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: O1.

Ignore it when: somebody watches the log.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC811"
SEVERITY = "hint"
NEEDS_APP = True
WORDS = (
    b"task_failure",
    b"sentry_sdk",
    b"rollbar",
    b"bugsnag",
    b"honeybadger",
    b"newrelic",
    b"elasticapm",
    b"on_failure",
    b"opbeat",
    b"raygun",
    b"airbrake",
    b"ddtrace",
    b"scout_apm",
    b"appsignal",
    b"AdminEmailHandler",
    b"raven",
)


def find(project: Project) -> Iterator[Finding]:
    """Yield the app if no file mentions any way to report failures."""
    if not project.has_complete_settings or not project.own_tasks or project.mentions(WORDS):
        return
    app = next((app for app in project.own_apps if app.namespace is not None), project.own_apps[0])
    yield at(app.module, app.call, "nothing reports failing tasks; add an error tracker or a task_failure handler")
