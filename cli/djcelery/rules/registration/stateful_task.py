"""A task changes the state of its module or class.

Why: Each worker process has its own copy, which lives until the process ends. Some later runs see the change and
others do not.

Bad:
    from celery import shared_task

    done = 0

    @shared_task
    def index(pk):
        global done
        done = done + 1

Good:
    from celery import shared_task
    from django.core.cache import cache

    @shared_task
    def index(pk):
        cache.incr("done")

Evidence: C3.

Ignore it when: it is a cache that may be empty at any time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, at

CODE = "DJC313"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield `global` names and class attributes that a task's own body assigns."""
    for task in project.own_tasks:
        function, module = task.function, task.module
        if function is None:
            continue
        names = {name for name, block, _ in module.global_names if context.is_inside(module, block, function.block)}
        for assign in module.assigns:
            if not context.is_inside(module, assign.block, function.block):
                continue
            owner, _, attribute = assign.target.partition(".")
            if assign.target in names or (
                attribute and "." not in attribute and assign.operator != "[]" and has_class(module, owner)
            ):
                yield at(module, assign, f"{assign.target} keeps this value in this worker process only")


def has_class(module: Module, name: str) -> bool:
    """Return whether a module defines a class with a name."""
    return any(cls.name == name for cls in module.classes)
