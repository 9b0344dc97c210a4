"""A task is defined inside a function.

Why: The task exists only in processes in which that function has run. Any other worker discards the message as
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

Ignore it when: the function is a factory that every worker calls when it starts.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, at

CODE = "DJC304"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks in functions. They are errors if the same function sends them."""
    for task in project.own_tasks:
        function = task.function
        if function is None or "<locals>" not in function.qualname or task.declared_by == "wrapper":
            continue
        outer = function.qualname.rpartition(".<locals>.")[0]
        sent = any(
            call.value.name in {f"{function.name}.delay", f"{function.name}.apply_async"}
            and any(f.qualname == outer and f.block == block_of(task.module, call.block) for f in task.module.functions)
            for call in task.module.calls
        )
        yield at(
            task.module,
            task,
            f"{function.name} exists only in processes that have run {outer}",
            severity="error" if sent else "",
        )


def block_of(module: Module, block: int) -> int:
    """Return the block of the function around a block."""
    blocks = module.blocks
    while block >= 0 and blocks[block].kind != "def":
        block = blocks[block].parent
    return block
