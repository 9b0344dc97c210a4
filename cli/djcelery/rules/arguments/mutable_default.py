"""A task parameter has a list, dict or set as its default.

Why: The default is a single object that lives as long as the worker process. Whatever one run adds to it, all later
runs see.

Bad:
    from celery import shared_task

    @shared_task
    def index(pks=[]):
        pks.append(1)

Good:
    from celery import shared_task

    @shared_task
    def index(pks=None): ...

Evidence: C3, F24; as in ruff's B006.

Ignore it when: the task never changes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, OptionalSeverity, Project, Task, at

CODE = "DJC210"
SEVERITY = "warning"
CHANGING = frozenset("append extend add update setdefault pop popitem insert remove discard clear sort".split())


def find(project: Project) -> Iterator[Finding]:
    """Yield the mutable defaults of task parameters."""
    for task in project.own_tasks_of_any_kind:
        for param in task.function.params if task.function else []:
            default = param.default
            if default is None:
                continue
            call = default.kind == "call" and default.name in {"list", "dict", "set"}
            if default.kind in {"list", "dict", "set"} or call:
                severity: OptionalSeverity = "" if changes_default(task, param.name) else "hint"
                yield at(
                    task.module, default, f"all runs of this task share one default object for {param.name}", severity
                )


def changes_default(task: Task, name: str) -> bool:
    """Return whether the body of the task certainly changes the object."""
    function, module = task.function, task.module
    if function is None:
        return False
    if any(
        assign.target == name and context.is_inside(module, assign.block, function.block) for assign in module.assigns
    ):
        return True
    return any(
        call.value.root == name
        and call.value.last in CHANGING
        and context.is_inside(module, call.block, function.block)
        for call in module.calls
    )
