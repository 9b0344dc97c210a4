"""Tell what a task inherits from its base class."""

from __future__ import annotations

from djcelery.project import context
from djcelery.project.base_classes import CELERY_BASES
from djcelery.project.facts import Module
from djcelery.rules._base import Project, Task


def inherits_option(project: Project, task: Task, option: str) -> bool:
    """Return whether a known base class sets an option."""
    return any(sets_option(project, task.module, base, option, 0) for base in task.bases)


def sets_option(project: Project, module: Module, base: str, option: str, depth: int) -> bool:
    """Return whether a base class, or one of its own bases, sets an option."""
    definition = project.find(module, base)
    if definition is None or definition.cls is None or depth > 5:
        return False
    home = definition.module
    if any(
        assign.target == option and context.is_inside(home, assign.block, definition.cls.block)
        for assign in home.assigns
    ):
        return True
    return any(sets_option(project, home, further_base, option, depth + 1) for further_base in definition.cls.bases)


def has_unknown_base(project: Project, task: Task) -> bool:
    """Return whether a base class of the task, or the app's task class, is unknown."""
    if project.task_classes or any(app.is_custom for app in project.own_apps):
        return True
    return any(base not in CELERY_BASES and project.find(task.module, base) is None for base in task.bases)


def app_task_class_decides(project: Project) -> bool:
    """Return whether the app's own task class may set the option."""
    return bool(project.task_classes)
