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

from djcelery.rules._base import Finding, Project, at

CODE = "DJC714"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """A LOGGING with a root logger, the setting left as it is, and no setup_logging handler."""
    if not project.configured or project.is_set("worker_hijack_root_logger"):
        return
    for module in [*project.modules, *project.late]:
        if any(name.rpartition(".")[2] == "setup_logging" for name in module.imported):
            return
        if any(call.value.root.endswith("setup_logging") for call in module.called("connect")):
            return
    for setting in project.setting("LOGGING"):
        pairs = project.resolve(setting.module, setting.value).pairs()
        if "root" in pairs and not setting.local:
            yield at(
                setting.module,
                setting,
                "a worker takes the root logger away from this unless worker_hijack_root_logger is off",
            )
