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

from djcelery.rules._base import Finding, Project, at

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
