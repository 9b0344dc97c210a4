"""Tell what a task inherits from its base class."""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.base_classes import CELERY_BASES
from djcelery.project.facts import Module, Value
from djcelery.project.setting_places import Setting
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


def tasks_with_only(project: Project, option: str, partner: str) -> Iterator[tuple[Task, Value]]:
    """Yield the tasks that turn an option on and do not set its partner, each with the value of the option."""
    if project.is_set(f"task_{partner}") or app_task_class_decides(project):
        return
    for task in project.own_tasks:
        value = task.options.get(option)
        if value is None or value.const is not True or task.has_hidden_options or has_unknown_base(project, task):
            continue
        if partner not in task.options and not inherits_option(project, task, partner):
            yield task, value


def settings_with_only(project: Project, option: str, partner: str) -> Iterator[Setting]:
    """Yield the settings that turn an option of all tasks on, unless its partner is set for all tasks."""
    if project.is_set(f"task_{partner}") or app_task_class_decides(project):
        return
    for setting in project.settings_of(f"task_{option}"):
        if setting.value.const is True:
            yield setting
