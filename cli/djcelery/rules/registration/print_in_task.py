"""A task calls print().

Why: The output reaches the worker's log without a level, a logger or a task id, so a search for the task does not
find it.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk):
        print("indexing", pk)

Good:
    from celery import shared_task
    from celery.utils.log import get_task_logger

    logger = get_task_logger(__name__)

    @shared_task
    def index(pk):
        logger.info("indexing %s", pk)

Evidence: O2.

Ignore it when: it is temporary, for debugging.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC314"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield print() in the body of a task, unless it prints to a file."""
    for module, call, task in project.calls_in_tasks:
        debugging = any(
            "DEBUG" in name
            for block in context.blocks_in_function(module, call.block)
            if block.kind == "if"
            for name in block.names
        )
        if not debugging and call.value.name in {"print", "pprint.pprint"} and "file" not in call.value.keywords:
            name = task.function.name if task.function else task.name
            yield at(module, call.value, f"{name} prints; use a logger, whose lines carry the task id")
