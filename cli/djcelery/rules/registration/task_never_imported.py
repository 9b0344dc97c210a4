"""A task is in a module that no worker imports.

Why: Autodiscovery imports `<app>.tasks` and nothing else. The worker rejects the message: "Received unregistered
task".

Bad:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Good:
    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

Evidence: T1, F30; celery issue 3584.

Ignore it when: the module is imported by a name that is built at run time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Task, at

CODE = "DJC312"
SEVERITY = "warning"
NEEDS_APP = True
RUNTIME_ONLY = True


def find(project: Project) -> Iterator[Finding]:
    """Yield tasks in modules that are not named tasks and that nothing imports."""
    if not project.own_apps or project.is_set("imports") or project.is_set("include"):
        return
    if "related_name" in autodiscovery_keywords(project):
        return
    seen: set[str] = set()
    for task in project.own_tasks:
        path = task.module.path
        if path not in seen and not context.is_migration(path) and is_unreachable(project, task):
            seen.add(path)
            yield at(task.module, task, "no worker imports this module: autodiscovery looks only for tasks.py")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield one task per module that is not registered. They are errors, because nothing is guessed."""
    registered = {(task.path, task.name.rpartition(".")[2]) for task in running.own_tasks}
    seen: set[str] = set()
    for task in project.own_tasks:
        path = task.module.path
        ordinary = task.is_declared_directly and not is_local(task) and not context.is_migration(path)
        is_registered = task.name in running.registered or (path, task.name.rpartition(".")[2]) in registered
        if ordinary and not is_registered and path not in seen:
            seen.add(path)
            yield at(task.module, task, f"{task.name} is not registered in the running app", "error")


def is_local(task: Task) -> bool:
    return task.function is not None and "<locals>" in task.function.qualname


def is_unreachable(project: Project, task: Task) -> bool:
    """Return whether neither autodiscovery nor an import reaches the module."""
    if task.module.name.rpartition(".")[2] == "tasks" or task.module.is_package:
        return False
    if any(app.module is task.module for app in project.apps):
        return False
    return not project.imports_anywhere(task.module)


def autodiscovery_keywords(project: Project) -> set[str]:
    """Return the keywords of autodiscovery calls, with related_name if a call names packages."""
    calls = [call.value for module in project.modules for call in module.calls_to("autodiscover_tasks")]
    return {key for value in calls for key in value.keywords} | (
        {"related_name"} if any(value.items for value in calls) else set()
    )
