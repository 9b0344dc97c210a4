"""A decorator is applied above the task decorator.

Why: It receives the task and returns a plain function, which has no `.delay`.

Bad:
    from functools import wraps

    from celery import shared_task

    def logged(function):
        @wraps(function)
        def inner(*args):
            return function(*args)
        return inner

    @logged
    @shared_task
    def index(pk): ...

Good:
    from functools import wraps

    from celery import shared_task

    def logged(function):
        @wraps(function)
        def inner(*args):
            return function(*args)
        return inner

    @shared_task
    @logged
    def index(pk): ...

Evidence: F27, AttributeError reproduced on 5.7.

Ignore it when: that decorator returns the task.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Task, Value, at

CODE = "DJC302"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield decorators above the task's that return a function of their own."""
    for task in project.own_tasks:
        if task.function is None or task.decorator is None or task.is_method:
            continue
        for value in task.function.decorators[: task.function.decorators.index(task.decorator)]:
            replaced = replaces(project, task, value)
            if replaced:
                yield at(task.module, value, f"{value.last} replaces the task with a function that has no .delay")


def replaces(project: Project, task: Task, value: Value) -> bool:
    """Return whether a decorator of this code base returns one of its inner functions."""
    definition = project.find(task.module, value.name)
    if definition is None or definition.function is None:
        return False
    inner = [name for name in definition.function.inner_functions if name in definition.function.returned_names]
    if value.kind == "call":  # a decorator with arguments: its inner function is the decorator
        middle = [f for f in definition.module.functions if f.name in inner and f.parent == definition.function.block]
        return any(name in function.returned_names for function in middle for name in function.inner_functions)
    return bool(inner)
