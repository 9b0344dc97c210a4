"""A Celery setting has a name that Celery does not know.

Why: Celery silently ignores it: no limit, no route, no schedule.

Bad:
    # project/settings.py
    CELERY_TASK_TIMELIMIT = 300

Good:
    # project/settings.py
    CELERY_TASK_TIME_LIMIT = 300

Evidence: F66, reproduced on 5.7.

Ignore it when: a package or your own code reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from djcelery.project.celery_names import OLD_SETTINGS, SETTINGS
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at, closest_typo
from djcelery.rules._running import at_setting

CODE = "DJC701"
SEVERITY = "warning"
KINDS = ("task_", "worker_", "broker_", "result_", "beat_")
CLOSE = 0.87
OURS = ("CELERY_BEAT_DATABASE", "CELERY_RESULT_DB", "CELERY_ONCE", "CELERY_REDBEAT", "CELERY_FLOWER")


def find(project: Project) -> Iterator[Finding]:
    """Yield names in the namespace that resemble a setting and that nothing here reads."""
    if "" in project.namespaces or len(project.namespaces) != 1:
        return
    prefix = f"{min(project.namespaces)}_"
    for setting in project.settings:
        if setting.key or setting.on_app or not setting.name.startswith(prefix) or setting.operator == "update":
            continue
        name = setting.name
        bare = name[len(prefix) :].lower()
        if name in OLD_SETTINGS or name.startswith(OURS):
            continue
        meant = meant_by(bare, SETTINGS)
        if meant and not project.uses_setting(name):
            yield at(setting.module, setting, f"unknown setting {name}; did you mean {prefix}{meant.upper()}?")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield names in Django's effective settings that resemble a setting of the installed Celery."""
    if "" in project.namespaces or len(project.namespaces) != 1:
        return
    prefix = f"{min(project.namespaces)}_"
    for name in running.django_settings:
        bare = name.removeprefix(prefix).lower()
        if not name.startswith((prefix, *OURS)) or name.startswith(OURS) or name in OLD_SETTINGS:
            continue
        meant = meant_by(bare, running.known_settings)
        if meant and not project.uses_setting(name):
            yield at_setting(project, name, f"unknown setting {name}; did you mean {prefix}{meant.upper()}?")


def meant_by(bare: str, known: Iterable[str]) -> str | None:
    """Return the setting that a name was meant for; names of no usual kind must resemble one more closely."""
    meant = closest_typo(bare, known)
    if meant is None or bare.startswith(KINDS):
        return meant
    return meant if SequenceMatcher(None, bare, meant).ratio() >= CLOSE else None
