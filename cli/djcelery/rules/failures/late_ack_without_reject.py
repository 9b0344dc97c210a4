"""A task is acknowledged late but is still lost if the child process that runs it dies.

Why: If a child process of the worker is killed, for example by the OOM killer, Celery still acknowledges the message
unless `reject_on_worker_lost` is on. If the whole worker is killed, late acknowledgement is enough.

Bad:
    from celery import shared_task

    @shared_task(acks_late=True)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(acks_late=True, reject_on_worker_lost=True)
    def index(pk): ...

Evidence: R3, F43; Celery's guide to tasks; measured: late acknowledgement alone lost work when children were killed.

Ignore it when: losing the task is better than running it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._bases import settings_with_only, tasks_with_only
from djcelery.rules._running import at_setting, at_task

CODE = "DJC410"
SEVERITY = "warning"
LOSES_TASK = "without reject_on_worker_lost=True, this task is lost if the child process that runs it is killed"
LOSES_TASKS = "without task_reject_on_worker_lost, tasks are lost if the child process that runs them is killed"


def find(project: Project) -> Iterator[Finding]:
    """Yield acks_late, of a task or in the settings, without reject_on_worker_lost."""
    for task, value in tasks_with_only(project, "acks_late", "reject_on_worker_lost"):
        yield at(task.module, value, LOSES_TASK)
    for setting in settings_with_only(project, "acks_late", "reject_on_worker_lost"):
        yield at(setting.module, setting, LOSES_TASKS)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield tasks with one effective option and not the other, or only the setting if it causes this."""
    settings = running.settings
    if settings["task_acks_late"] is True and not settings["task_reject_on_worker_lost"]:
        yield at_setting(project, "task_acks_late", LOSES_TASKS)
        return
    for task in running.own_tasks:
        if task.options["acks_late"] is True and not task.options["reject_on_worker_lost"]:
            yield at_task(project, task, "acks_late", LOSES_TASK)
