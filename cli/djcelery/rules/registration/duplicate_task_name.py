"""Two tasks have the same name.

Why: Celery keeps one of them and never runs the other. Which one it keeps depends on the order of imports.

Bad:
    from celery import shared_task

    @shared_task(name="shop.index")
    def index(pk): ...

    @shared_task(name="shop.index")
    def index_all(): ...

Good:
    from celery import shared_task

    @shared_task(name="shop.index")
    def index(pk): ...

    @shared_task(name="shop.index_all")
    def index_all(): ...

Evidence: F29, reproduced on 5.7.

Ignore it when: only one of the two modules is ever imported.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, Task, at

CODE = "DJC305"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield explicit names that occur twice, and functions that share a name in one module."""
    by_name: dict[str, Task] = {}
    for task in project.own_tasks:
        if not is_certain(task):
            continue
        first_task = by_name.setdefault(task.name, task)
        if first_task is not task and app_of(task) == app_of(first_task):
            yield at(
                task.module,
                task,
                f"{task.name} is also the name of the task at {first_task.module.path}:{first_task.line}",
            )


def app_of(task: Task) -> str:
    """Return the name of the task's own app. Tasks of different apps do not collide."""
    shared = task.declared_by != "app.task" or task.decorator is None
    return "" if shared else task.decorator.root.rpartition(".")[2] if task.decorator else ""


def is_certain(task: Task) -> bool:
    """Return whether the task is always defined and its name is known."""
    if task.function is None or not task.is_declared_directly or task.is_method:
        return False
    around = context.enclosing_blocks(task.module, task.function.parent)
    seen = not task.has_explicit_name or isinstance(task.options["name"].const, str)
    return seen and all(block.kind == "module" for block in around)
