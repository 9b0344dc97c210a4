"""A task is sent to a queue that no worker consumes.

Why: The broker takes the message and keeps it: nothing fails, and nothing runs.

Bad:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

    # Procfile
    worker: celery -A project worker -Q fast

Good:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

    # Procfile
    worker: celery -A project worker -Q slow

Evidence: C1, F72, reproduced on 5.7.

Ignore it when: its worker is started where this check cannot look.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._queues import consumed, used
from djcelery.rules._running import at_task

CODE = "DJC801"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Plain queue names of routes, tasks and sites, where every worker command can be seen and names its queues."""
    known = consumed(project)
    if known is None:
        return
    for queue, module, place in used(project):
        if queue not in known:
            yield at(module, place, f"no worker that is started here consumes {queue}")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """The queue that each task would go to, routes and defaults taken together."""
    known = consumed(project)
    for task in running.own if known is not None else []:
        if task.queue and task.queue not in (known or set()):
            yield at_task(project, task, "queue", f"no worker that is started here consumes {task.queue}")
