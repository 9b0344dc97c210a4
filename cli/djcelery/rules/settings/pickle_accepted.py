"""Workers accept pickle.

Why: Anyone who can write to the broker can run any code in the worker.

Bad:
    # project/settings.py
    CELERY_ACCEPT_CONTENT = ["json", "pickle"]

Good:
    # project/settings.py
    CELERY_ACCEPT_CONTENT = ["json"]

Evidence: T3, F71; Celery's guide to security.

Ignore it when: only your own processes can reach the broker.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting, at_task

CODE = "DJC706"
SEVERITY = "warning"
MESSAGE = "pickle lets anyone who can write to the broker run code in the worker"


def find(project: Project) -> Iterator[Finding]:
    """Yield pickle in the accepted content or as a serializer."""
    for setting in project.settings_of("accept_content"):
        for item in project.resolve(setting.module, setting.value).items:
            if item.const in {"pickle", "application/x-python-serialize"}:
                yield at(setting.module, item, MESSAGE)
    for key in ("task_serializer", "result_serializer"):
        for setting in project.settings_of(key):
            if project.text(setting.module, setting.value) == "pickle":
                yield at(setting.module, setting, MESSAGE)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the effective settings and the tasks that use pickle."""
    for name in running.settings["accept_content"] or []:
        if name in {"pickle", "application/x-python-serialize"}:
            yield at_setting(project, "accept_content", MESSAGE)
    for key in ("task_serializer", "result_serializer"):
        if running.settings[key] == "pickle":
            yield at_setting(project, key, MESSAGE)
    for task in running.own_tasks:
        if task.options["serializer"] == "pickle" != running.settings["task_serializer"]:
            yield at_task(project, task, "serializer", MESSAGE)
