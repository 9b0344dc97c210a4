"""Find the place in the text for what the running app reported."""

from __future__ import annotations

from djcelery.project.context import LOCAL_SETTINGS, TEST_SETTINGS
from djcelery.project.running import Running, RunningTask
from djcelery.rules._base import Finding, OptionalSeverity, Project, at, on


def at_app(project: Project, message: str, severity: OptionalSeverity = "") -> Finding:
    """Return a finding at the app, for what is nowhere in the text."""
    app = next((app for app in project.own_apps if app.namespace is not None), project.own_apps[0])
    return at(app.module, app.call, message, severity)


def at_setting(project: Project, key: str, message: str, severity: OptionalSeverity = "") -> Finding:
    """Return a finding where a setting is set, by Celery's name or as it is written, or else at the app."""
    places = project.settings_of(key) or [
        setting for setting in project.settings if setting.name == key and not setting.testing
    ]
    unconditional = [setting for setting in places if not setting.conditional]
    if not places:
        return at_app(project, message, severity)
    place = (unconditional or places)[-1]
    return at(place.module, place, message, severity)


def at_task(project: Project, task: RunningTask, option: str, message: str, severity: OptionalSeverity = "") -> Finding:
    """Return a finding at the option of a task, at the task, or at its code."""
    written = project.tasks_by_name.get(task.name)
    if written is None or written.module.path != task.path:
        return on(task.path, task.line, message, severity)
    return at(written.module, written.options.get(option, written), message, severity)


def is_production(running: Running) -> bool:
    """Return whether it runs with production settings, as far as their name shows."""
    path = running.settings_module.replace(".", "/")
    return not (TEST_SETTINGS.search(path) or LOCAL_SETTINGS.search(path))
