"""Workers accept pickle.

Why: Whoever can write to the broker can run any code in the worker.

Bad:
    # project/settings.py
    CELERY_ACCEPT_CONTENT = ["json", "pickle"]

Good:
    # project/settings.py
    CELERY_ACCEPT_CONTENT = ["json"]

Evidence: T3, F71; Celery's guide to security.

Ignore it when: nobody but your own processes can reach the broker.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting, at_task

CODE = "DJC706"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """pickle among the accepted content or as a serializer."""
    for setting in project.setting("accept_content"):
        for item in project.resolve(setting.module, setting.value).items:
            if item.const in {"pickle", "application/x-python-serialize"}:
                yield at(setting.module, item, "whoever can write to the broker can run code in the worker")
    for key in ("task_serializer", "result_serializer"):
        for setting in project.setting(key):
            if project.text(setting.module, setting.value) == "pickle":
                yield at(setting.module, setting, "pickle lets whoever can write to the broker run code")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """The effective settings, and the serializer of each task."""
    for name in running.settings["accept_content"] or []:
        if name in {"pickle", "application/x-python-serialize"}:
            words = "whoever can write to the broker can run code in the worker"
            yield at_setting(project, "accept_content", words)
    for key in ("task_serializer", "result_serializer"):
        if running.settings[key] == "pickle":
            yield at_setting(project, key, "pickle lets whoever can write to the broker run code")
    for task in running.own:
        if task.options["serializer"] == "pickle" != running.settings["task_serializer"]:
            words = "pickle lets whoever can write to the broker run code"
            yield at_task(project, task, "serializer", words)
