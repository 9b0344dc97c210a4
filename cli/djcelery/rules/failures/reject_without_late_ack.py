"""`reject_on_worker_lost` is on but late acknowledgement is off.

Why: The message was acknowledged before the task started, so there is nothing left to reject and the option has no
effect.

Bad:
    from celery import shared_task

    @shared_task(reject_on_worker_lost=True)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(acks_late=True, reject_on_worker_lost=True)
    def index(pk): ...

Evidence: R3, F43; Celery's documentation of task_reject_on_worker_lost.

Ignore it when: late acknowledgement is enabled somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._bases import settings_with_only, tasks_with_only
from djcelery.rules._running import at_setting, at_task

CODE = "DJC411"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield reject_on_worker_lost, of a task or in the settings, without acks_late."""
    for task, value in tasks_with_only(project, "reject_on_worker_lost", "acks_late"):
        yield at(task.module, value, "without acks_late=True, this option has no effect")
    for setting in settings_with_only(project, "reject_on_worker_lost", "acks_late"):
        yield at(setting.module, setting, "without task_acks_late, this setting has no effect")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield tasks with one effective option and not the other, or only the setting if it causes this."""
    settings = running.settings
    if settings["task_reject_on_worker_lost"] is True and not settings["task_acks_late"]:
        yield at_setting(project, "task_reject_on_worker_lost", "without task_acks_late, this setting has no effect")
        return
    for task in running.own_tasks:
        if task.options["reject_on_worker_lost"] is True and not task.options["acks_late"]:
            yield at_task(project, task, "reject_on_worker_lost", "without acks_late=True, this option has no effect")
