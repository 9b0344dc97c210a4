"""Celery replaces the logging that Django's settings configure.

Why: The worker removes the handlers of the root logger, so LOGGING configures the root logger in web processes only.

Bad:
    # project/settings.py
    LOGGING = {"version": 1, "root": {"handlers": ["file"]}}
    CELERY_BROKER_URL = "redis://localhost"

Good:
    # project/settings.py
    LOGGING = {"version": 1, "root": {"handlers": ["file"]}}
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_WORKER_HIJACK_ROOT_LOGGER = False

Evidence: O2, F78; Celery's documentation of worker_hijack_root_logger.

Ignore it when: you want the worker's own format.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting

CODE = "DJC714"
SEVERITY = "hint"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield a LOGGING with a root logger if nothing keeps workers from replacing it."""
    if not project.has_complete_settings or project.is_set("worker_hijack_root_logger") or configures_logging(project):
        return
    for setting in project.settings_of("LOGGING"):
        pairs = project.resolve(setting.module, setting.value).pairs()
        if "root" in pairs and not setting.local:
            yield at(
                setting.module,
                setting,
                "workers replace the root logger's handlers unless worker_hijack_root_logger is off",
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the effective LOGGING if nothing keeps workers from replacing its root logger."""
    if (
        running.root_logger
        and running.settings["worker_hijack_root_logger"] is True
        and not configures_logging(project)
    ):
        message = "workers replace the root logger's handlers unless worker_hijack_root_logger is off"
        yield at_setting(project, "LOGGING", message)


def configures_logging(project: Project) -> bool:
    """Return whether a handler of setup_logging configures the logging of workers."""
    return any(
        any(name.rpartition(".")[2] == "setup_logging" for name in module.imported)
        or any(call.value.root.endswith("setup_logging") for call in module.calls_to("connect"))
        for module in [*project.modules, *project.extra_modules]
    )
