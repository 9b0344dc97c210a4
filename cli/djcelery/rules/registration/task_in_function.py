"""A task is defined inside a function.

Why: It exists only in processes where that function ran. A worker where it did not discards the message as
unregistered.

Bad:
    from celery import shared_task

    def place(pk):
        @shared_task
        def index(pk): ...

        index.delay(pk)

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.delay(pk)

Evidence: F28.

Ignore it when: the function is a factory that is called while every worker starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC304"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Tasks in functions; certain only where the same function sends it."""
    for task in project.own_tasks:
        function = task.function
        if function is None or "<locals>" not in function.qualname or task.how == "wrapper":
            continue
        outer = function.qualname.rpartition(".<locals>.")[0]
        sent = any(
            call.value.name in {f"{function.name}.delay", f"{function.name}.apply_async"}
            and any(f.qualname == outer and f.block == block_of(task.module, call.block) for f in task.module.functions)
            for call in task.module.calls
        )
        yield at(task.module, task, f"{function.name} exists only where {outer} ran", severity="error" if sent else "")


def block_of(module: object, block: int) -> int:
    """The block of the function a line stands in."""
    blocks = module.blocks  # type: ignore[attr-defined]
    while block >= 0 and blocks[block].kind != "def":
        block = blocks[block].parent
    return block
