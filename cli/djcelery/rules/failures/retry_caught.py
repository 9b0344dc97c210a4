"""`self.retry()` is called where `except Exception` catches it.

Why: retry() works by raising Retry. If that is caught, the task continues, is sent twice, or fails with the wrong
error.

Bad:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        try:
            if not ready(pk):
                raise self.retry(countdown=60)
        except Exception:
            give_up(pk)

Good:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        if not ready(pk):
            raise self.retry(countdown=60)

Evidence: F37; Celery's documentation of Task.retry.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._failures import Handler, handlers

CODE = "DJC402"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield retry() in a try block whose broad clause neither raises nor follows a clause for Retry."""
    for handler in handlers(project):
        if not handler.broad or handler.raises or any(name.rpartition(".")[2] == "Retry" for name in handler.earlier):
            continue
        for call in handler.tried:
            retries_itself = (
                call.value.last == "retry"
                and call.value.root in own_names(handler)
                and call.value.keywords.get("throw") is None
            )
            if retries_itself and nearest_try(handler, call.block):
                yield at(handler.module, call.value, "this raises Retry, which the except clause below catches")


def own_names(handler: Handler) -> set[str]:
    """Return the names by which the task refers to itself."""
    params = handler.task.function.params if handler.task.function else []
    return {params[0].name} if handler.task.bound and params else set()


def nearest_try(handler: Handler, block: int) -> bool:
    """Return whether there is no other try block in between."""
    for outer in context.blocks_in_function(handler.module, block):
        if outer.kind == "try":
            return outer is handler.module.blocks[handler.block.index]
    return False
