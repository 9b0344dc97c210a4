"""A dict with numbers as keys is given to a task.

Why: JSON has only text as keys, so the task gets "1" where the caller put 1, and finds nothing under 1.

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

Ignore it when: the task turns the keys back into numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._arguments import custom_serializer, given
from djcelery.rules._base import Finding, Project, at

CODE = "DJC203"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Dict displays whose keys are plain numbers."""
    for site in project.sites:
        if site.task is None or custom_serializer(project, site):
            continue
        for value in given(site):
            seen = value.seen
            if seen.kind == "dict" and any(
                isinstance(key.const, int | float) for key in seen.keys if key.const is not None
            ):
                yield at(site.module, value, "JSON turns the keys of this dict into text")
