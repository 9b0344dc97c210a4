"""A task is an `async def`.

Why: Celery calls the function, gets a coroutine and never awaits it: the state is SUCCESS, and nothing ran.

Bad:
    from celery import shared_task

    @shared_task
    async def index(pk): ...

Good:
    from asgiref.sync import async_to_sync
    from celery import shared_task

    @shared_task
    def index(pk):
        async_to_sync(work)(pk)

    async def work(pk): ...

Evidence: F26, reproduced on 5.7; celery issue 10634, kombu issue 1350.

Ignore it when: your own base class runs the coroutine.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_task

CODE = "DJC301"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield coroutine functions with one of Celery's task decorators.

    They are warnings if there is another decorator in between."""
    for task in project.own_tasks:
        function = task.function
        if function is None or not function.is_async or task.changes_calls or not task.is_declared_directly:
            continue
        if not any("sync" in value.name for value in function.decorators):
            message = f"{function.name} is a coroutine function: Celery reports SUCCESS without running it"
            yield at(task.module, task, message, "warning" if task.has_decorators_below else "")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield registered coroutine functions, unless a base class calls them in its own way."""
    for task in running.own_tasks:
        if task.is_async and task.params is not None:
            message = (
                f"{task.name.rpartition('.')[2]} is a coroutine function: Celery reports SUCCESS without running it"
            )
            yield at_task(project, task, "", message)
