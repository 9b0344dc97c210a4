"""ATOMIC_REQUESTS is set at the top level of the settings, where Django ignores it.

Why: It is an option of each database. The author believes that every request is a transaction, but none is.

Bad:
    # shop/settings.py
    ATOMIC_REQUESTS = True

Good:
    # shop/settings.py
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}

Evidence: F05. Two of eight mature projects have it.

Ignore it when: the settings copy it into DATABASES.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC105"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield each top-level ATOMIC_REQUESTS that nothing copies."""
    for setting in project.settings:
        if setting.name == "ATOMIC_REQUESTS" and setting.operator == "=" and setting.module not in copied(project):
            yield at(setting.module, setting, "Django ignores ATOMIC_REQUESTS here; move it into DATABASES")


def copied(project: Project) -> list[object]:
    """Return the settings modules whose DATABASES reads the name."""
    return [
        setting.module
        for setting in project.settings
        if setting.key == "DATABASES" and mentions(setting.value, "ATOMIC_REQUESTS")
    ]


def mentions(value: Value, name: str) -> bool:
    """Return whether a value reads a name."""
    if value.kind == "name" and value.name == name:
        return True
    return any(mentions(part, name) for part in [*value.items, *value.keywords.values()])
