"""A task waits for the result of another task.

Why: Celery refuses with RuntimeError. If that check is disabled, all worker processes can end up waiting for tasks
that no process is free to run.

Bad:
    from celery import shared_task

    @shared_task
    def price(pk): ...

    @shared_task
    def index(pk):
        return price.delay(pk).get()

Good:
    from celery import shared_task

    @shared_task
    def price(pk): ...

    @shared_task
    def index(pk):
        price.apply_async(args=[pk], link=done.s())

    @shared_task
    def done(result): ...

Evidence: D2, F52; Celery's guide to tasks, "Avoid launching synchronous subtasks"; reproduced on 5.7.

Ignore it when: the other task has workers of its own and the wait has a timeout.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._results import find_waits

CODE = "DJC506"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield get(), join() or wait() on a result in the body of a task."""
    for wait in find_waits(project):
        around = list(context.enclosing_blocks(wait.module, wait.call.block))
        allowed = any("allow_join_result" in name for block in around for name in block.names)
        off = "disable_sync_subtasks" in wait.call.value.keywords
        if project.task_around(wait.module, wait.call.block) is not None and not allowed and not off:
            yield at(
                wait.module,
                wait.call.value,
                "waiting for another task blocks this worker process; use a link, a chain or a chord",
            )
