"""A schedule entry names a task that does not exist.

Why: Beat sends it anyway. The worker rejects it, or no worker takes it, so the job never runs.

Bad:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.indx", "schedule": 60, "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: B1, F59, reproduced on 5.7.

Ignore it when: the task is created at run time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at, closest_typo
from djcelery.rules._running import at_setting

CODE = "DJC601"
SEVERITY = "error"
RUNTIME_ONLY = True


def find(project: Project) -> Iterator[Finding]:
    """Yield names whose module is known and has no such task."""
    for entry in project.schedule:
        name = entry.task_name
        if not name or "task" not in entry.parts:
            continue
        module_name = name.rpartition(".")[0]
        if name not in project.tasks_by_name and module_name and missing(project, module_name, name):
            meant = closest_typo(name, project.tasks_by_name)
            yield at(
                entry.module,
                entry.parts["task"],
                f"there is no task named {name}" + (f"; did you mean {meant}?" if meant else ""),
            )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield names that are not registered, including those in entries that the text does not show."""
    shown = set()
    for entry in project.schedule:
        if not entry.testing and entry.task_name and entry.task_name not in running.registered:
            shown.add(entry.task_name)
            yield at(entry.module, entry.parts["task"], f"{entry.task_name} is not registered in the running app")
    for scheduled in running.schedule.values():
        if scheduled.task not in running.registered | shown:
            message = f"entry {scheduled.name} names {scheduled.task}, which is not registered in the running app"
            yield at_setting(project, "beat_schedule", message)


def missing(project: Project, module_name: str, name: str) -> bool:
    """Return whether the module is fully known and certainly has no such task."""
    module = project.names.module(module_name)
    if module is None:
        package = module_name.rpartition(".")[0] or module_name
        return (
            bool(package)
            and package != module_name
            and project.layout.path(package) is not None
            and not project.has_unreadable_modules
        )
    if (
        module.read_error
        or module.stars
        or any(task.has_explicit_name and task.module is module for task in project.tasks)
    ):
        return False
    last = name.rpartition(".")[2]
    return last not in module.imports and project.names.find_absolute(name) is None
