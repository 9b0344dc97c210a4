"""A method is declared as a task.

Why: The worker calls it without an instance: `self` becomes the first argument of the message, or the call raises
TypeError.

Bad:
    from celery import shared_task

    class Shop:
        @shared_task
        def index(self, pk): ...

Good:
    from celery import shared_task

    @shared_task
    def index(pk):
        Shop().index(pk)

    class Shop:
        def index(self, pk): ...

Evidence: F28, TypeError reproduced on 5.7.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC303"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks inside a class, except for static methods."""
    for task in project.own_tasks:
        if not task.is_method or task.function is None or task.declared_by == "wrapper":
            continue
        if not any(value.name in {"staticmethod", "classmethod"} for value in task.function.decorators):
            yield at(task.module, task, f"{task.function.name} is a method, but the worker has no instance for it")
