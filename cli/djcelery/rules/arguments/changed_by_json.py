"""A dict with numbers as keys is passed to a task.

Why: JSON keys are always strings. The task gets "1" where the caller passed 1, and looking up 1 finds nothing.

Bad:
    from celery import shared_task

    @shared_task
    def restock(amounts): ...

    def place():
        restock.delay({1: 5, 2: 7})

Good:
    from celery import shared_task

    @shared_task
    def restock(amounts): ...

    def place():
        restock.delay([[1, 5], [2, 7]])

Evidence: F16, reproduced on 5.7.

Ignore it when: the task converts the keys back to numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._arguments import custom_serializer
from djcelery.rules._base import Finding, Project, at

CODE = "DJC203"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dict displays with numbers as keys."""
    for site in project.sites:
        if site.task is None or custom_serializer(project, site):
            continue
        for value in site.arguments():
            resolved = value.resolved
            if resolved.kind == "dict" and any(
                isinstance(key.const, int | float) for key in resolved.keys if key.const is not None
            ):
                yield at(site.module, value, "JSON converts the keys of this dict to strings")
