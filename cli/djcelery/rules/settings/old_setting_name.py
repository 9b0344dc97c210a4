"""A Celery setting has a name from before Celery 4.

Why: With a namespace, Celery before 5.7 ignores old names such as CELERY_ALWAYS_EAGER and CELERYD_CONCURRENCY. Later
versions read them, until Celery 6.

Bad:
    # project/settings.py
    CELERY_ACKS_LATE = False

Good:
    # project/settings.py
    CELERY_TASK_ACKS_LATE = False

Evidence: F68; Celery's documentation of its settings.

Ignore it when: your own code reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import OLD_SETTINGS
from djcelery.project.running import Running
from djcelery.project.setting_places import key_of
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._old_names import ignores_old_names
from djcelery.rules._running import at_setting

CODE = "DJC703"
SEVERITY = "warning"
NEEDS_APP = True


def find(project: Project) -> Iterator[Finding]:
    """Yield old CELERY_ names below a namespace, unless the new name is set as well.

    They are hints unless this Celery certainly ignores them.
    """
    for setting in project.settings:
        name = setting.name
        new = OLD_SETTINGS.get(name)
        if new is None or setting.on_app or setting.key or not project.own_apps or not name.startswith("CELERY"):
            continue
        if not any(other.key == new for other in project.settings) and not project.uses_setting(name):
            ignored = ignores_old_names(project)
            yield at(setting.module, setting, message(name, new, ignored), "" if ignored else "hint")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the names in Django's effective settings that the running Celery ignores."""
    for name in running.django_settings if ignores_old_names(project) else ():
        new = OLD_SETTINGS.get(name, "")
        if not name.startswith("CELERY") or not new or "" in project.namespaces or key_of(name, project.namespaces):
            continue
        if f"CELERY_{new.upper()}" not in running.django_settings and not project.uses_setting(name):
            yield at_setting(project, name, message(name, new, True))


def message(name: str, new: str, ignored: bool) -> str:
    """Return the message about an old name."""
    consequence = "and is ignored" if ignored else "that Celery ignores before 5.7 and from 6 on"
    return f"{name} is a name from before Celery 4 {consequence}; use CELERY_{new.upper()}"
