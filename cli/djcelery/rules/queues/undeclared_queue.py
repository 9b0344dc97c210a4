"""A task is sent to a queue that task_queues does not declare.

Why: Celery creates the queue on the fly, with different options from the declared ones, and a worker without -Q does
not consume it. A typo looks the same.

Bad:
    # project/settings.py
    from kombu import Queue

    CELERY_TASK_QUEUES = [Queue("fast"), Queue("slow")]
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slwo"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    from kombu import Queue

    CELERY_TASK_QUEUES = [Queue("fast"), Queue("slow")]
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: C1, F72.

Ignore it when: the queue belongs to another system.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at, closest_typo
from djcelery.rules._queues import used_queues
from djcelery.rules._running import at_task

CODE = "DJC802"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield queue names that are not declared, if all declared ones are known."""
    declared = project.declared_queues
    if not declared:
        return
    default = {project.text(setting.module, setting.value) for setting in project.settings_of("task_default_queue")}
    for queue, module, place in used_queues(project):
        if queue not in declared | default:
            meant = closest_typo(queue, declared)
            yield at(
                module, place, f"task_queues does not declare {queue}" + (f"; did you mean {meant}?" if meant else "")
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield tasks whose effective queue is not declared, if the settings declare queues."""
    for task in running.own_tasks if project.is_set("task_queues") else []:
        if task.queue and task.queue not in running.queues:
            yield at_task(project, task, "queue", f"task_queues does not declare {task.queue}")
