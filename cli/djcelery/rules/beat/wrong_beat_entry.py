"""A schedule entry has a key or a schedule that Beat does not know.

Why: An unknown key, or a string as the schedule, stops Beat when it starts. An entry whose `expires` is a timedelta can
never be sent.

Bad:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 50}, "relativ": True},
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

Evidence: B1.

Ignore it when: your own scheduler reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import BEAT_KEYS, MESSAGE_OPTIONS
from djcelery.rules._base import Finding, Project, at, closest_typo
from djcelery.rules._option_types import describe_wrong_type

CODE = "DJC607"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield misspelt keys, strings as schedules, and options that are misspelt or of a wrong type."""
    for entry in project.schedule:
        if entry.value.kind != "dict":
            continue
        for key in entry.value.keys:
            name = key.const if isinstance(key.const, str) else None
            meant = closest_typo(name, BEAT_KEYS) if name is not None and name not in BEAT_KEYS else None
            if meant:
                yield at(entry.module, key, f"unknown key {name}; did you mean {meant}?")
        schedule = entry.parts.get("schedule")
        if schedule is not None and isinstance(project.resolve(entry.module, schedule).const, str):
            yield at(entry.module, schedule, "a schedule must be a number, a timedelta or a crontab, not a string")
        options = entry.parts.get("options")
        for key in project.resolve(entry.module, options).keys if options is not None else []:
            name = key.const if isinstance(key.const, str) else None
            if name is not None and name not in MESSAGE_OPTIONS and (meant := closest_typo(name, MESSAGE_OPTIONS)):
                yield at(entry.module, key, f"unknown option {name}; did you mean {meant}?")
        pairs = project.resolve(entry.module, options).pairs() if options is not None else {}
        for name, value in pairs.items():
            if problem := describe_wrong_type(project, entry.module, name, value):
                yield at(entry.module, value, problem)
