"""Celery replaces the logging that Django's settings describe.

Why: The worker removes the handlers of the root logger: what LOGGING says about it holds in the web process only.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

    # project/settings.py
    LOGGING = {"version": 1, "root": {"handlers": ["file"]}}
    CELERY_BROKER_URL = "redis://localhost"

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

    # project/settings.py
    LOGGING = {"version": 1, "root": {"handlers": ["file"]}}
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_WORKER_HIJACK_ROOT_LOGGER = False

Evidence: O2, F78; Celery's documentation of worker_hijack_root_logger.

Ignore it when: the worker's own format is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting

CODE = "DJC714"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """A LOGGING with a root logger, the setting left as it is, and no setup_logging handler."""
    if not project.configured or project.is_set("worker_hijack_root_logger") or handled(project):
        return
    for setting in project.setting("LOGGING"):
        pairs = project.resolve(setting.module, setting.value).pairs()
        if "root" in pairs and not setting.local:
            yield at(
                setting.module,
                setting,
                "a worker takes the root logger away from this unless worker_hijack_root_logger is off",
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """The effective LOGGING and setting."""
    if running.root_logger and running.settings["worker_hijack_root_logger"] is True and not handled(project):
        words = "a worker takes the root logger away from this unless worker_hijack_root_logger is off"
        yield at_setting(project, "LOGGING", words)


def handled(project: Project) -> bool:
    """Whether a handler of setup_logging takes over."""
    return any(
        any(name.rpartition(".")[2] == "setup_logging" for name in module.imported)
        or any(call.value.root.endswith("setup_logging") for call in module.called("connect"))
        for module in [*project.modules, *project.late]
    )
