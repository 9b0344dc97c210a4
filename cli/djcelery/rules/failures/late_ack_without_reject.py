"""A task is acknowledged late and yet lost with its worker.

Why: When a worker's child is killed, by the OOM killer for example, Celery acknowledges the message all the same
unless `reject_on_worker_lost` is on.

Bad:
    from celery import shared_task

    @shared_task(acks_late=True)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(acks_late=True, reject_on_worker_lost=True)
    def index(pk): ...

Evidence: R3, F43; Celery's guide to tasks; measured: late ack alone lost work at child kills.

Ignore it when: losing it is better than running it again.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._bases import inherited, unknown_base
from djcelery.rules._running import at_setting, at_task

CODE = "DJC410"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """acks_late on a task or everywhere, without the other."""
    everywhere = project.is_set("task_reject_on_worker_lost") or base_says(project)
    for task in project.own_tasks:
        value = task.options.get("acks_late")
        if value is None or value.const is not True or everywhere or task.spread or unknown_base(project, task):
            continue
        if "reject_on_worker_lost" not in task.options and not inherited(project, task, "reject_on_worker_lost"):
            yield at(task.module, value, "without reject_on_worker_lost=True a killed worker still loses this task")
    for setting in project.setting("task_acks_late"):
        if setting.value.const is True and not everywhere:
            yield at(setting.module, setting, "without task_reject_on_worker_lost a killed worker still loses tasks")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """The effective pair of options of each task; once for all where the settings say it."""
    said = running.settings
    if said["task_acks_late"] is True and not said["task_reject_on_worker_lost"]:
        words = "without task_reject_on_worker_lost a killed worker still loses tasks"
        yield at_setting(project, "task_acks_late", words)
        return
    for task in running.own:
        if task.options["acks_late"] is True and not task.options["reject_on_worker_lost"]:
            words = "without reject_on_worker_lost=True a killed worker still loses this task"
            yield at_task(project, task, "acks_late", words)


def base_says(project: Project) -> bool:
    """Whether the app's own task class decides it."""
    return any("task_cls" in app.call.named for app in project.apps)
