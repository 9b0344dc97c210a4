"""A Celery setting lacks the prefix that Celery requires.

Why: With `namespace="CELERY"`, Celery reads only names that begin with CELERY_. It ignores TASK_TIME_LIMIT, so no limit
holds. Celery 5.7 also reads names from before Celery 4, such as BROKER_URL; the versions before and after ignore them.

Bad:
    # project/settings.py
    BROKER_URL = "redis://localhost"

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"

Evidence: F67, reproduced on 5.7.

Ignore it when: your own code reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import OLD_SETTINGS, SETTINGS
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._old_names import ignores_old_names
from djcelery.rules._running import at_setting

CODE = "DJC702"
SEVERITY = "warning"
NEEDS_APP = True
PARTS = ("BROKER_", "RESULT_", "TASK_", "WORKER_", "BEAT_")


def find(project: Project) -> Iterator[Finding]:
    """Yield names that Celery knows without a prefix if all apps require one and nothing else reads them.

    Names from before Celery 4 are hints unless this Celery certainly ignores them.
    """
    if not project.own_apps or "" in project.namespaces:
        return
    prefixes = tuple(f"{namespace}_" for namespace in project.namespaces)
    for setting in project.settings:
        name = setting.name
        if setting.on_app or setting.key or not name.startswith(PARTS) or name.startswith(prefixes):
            continue
        key = OLD_SETTINGS.get(name) or (name.lower() if name.lower() in SETTINGS else "")
        right = f"{prefixes[0]}{key.upper()}"
        twin = any(other.key == key for other in project.settings)
        if key and not twin and not project.uses_setting(name):
            ignored = name not in OLD_SETTINGS or ignores_old_names(project)
            yield at(setting.module, setting, message(name, right, ignored), "" if ignored else "hint")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the names in Django's effective settings that the running Celery does not read."""
    if not project.own_apps or "" in project.namespaces:
        return
    prefixes = tuple(f"{namespace}_" for namespace in project.namespaces)
    for name in running.django_settings:
        if name in OLD_SETTINGS and not ignores_old_names(project):
            continue
        key = OLD_SETTINGS.get(name) or (name.lower() if name.lower() in running.known_settings else "")
        right = f"{prefixes[0]}{key.upper()}"
        if not name.startswith(PARTS) or name.startswith(prefixes) or not key or right in running.django_settings:
            continue
        if not project.uses_setting(name):
            yield at_setting(project, name, message(name, right, True))


def message(name: str, right: str, ignored: bool) -> str:
    """Return the message about a name without the prefix."""
    return f"Celery ignores {name} here{'' if ignored else ' before 5.7 and from 6 on'}; use {right}"
