"""A task is sent to a queue that no worker consumes.

Why: The broker accepts the message and keeps it. Nothing fails, and nothing runs.

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
from djcelery.rules._queues import consumed_queues, used_queues
from djcelery.rules._running import at_task

CODE = "DJC801"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield queue names that no worker consumes, if the queues of every worker are known."""
    queues = consumed_queues(project)
    if queues is None:
        return
    for workload in project.workloads:
        if workload.name not in queues:
            yield at(workload.module, workload, f"no process started here runs the workload class {workload.name}")
    for queue, module, place in used_queues(project):
        if queue not in queues:
            yield at(module, place, f"no worker started here consumes {queue}")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield tasks whose effective queue no worker consumes."""
    queues = consumed_queues(project)
    for task in running.own_tasks if queues is not None else []:
        if task.queue and task.queue not in (queues or set()):
            yield at_task(project, task, "queue", f"no worker started here consumes {task.queue}")
