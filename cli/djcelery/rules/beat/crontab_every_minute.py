"""A crontab sets an hour or a day but no minute.

Why: `crontab(hour=3)` means every minute of that hour: sixty runs instead of one.

Bad:
    # project/settings.py
    from celery.schedules import crontab

    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": crontab(hour=3), "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    from celery.schedules import crontab

    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": crontab(hour=3, minute=0), "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: B1, F60; flake8-pie's PIE784.

Ignore it when: every minute of the hour is intended. Write minute="*".
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, Value, at, fix

CODE = "DJC602"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield crontab() with other fields but no minute."""
    for module in project.modules:
        for call in module.calls_to("crontab"):
            value = call.value
            if value.name not in {"celery.schedules.crontab", "celery.task.schedules.crontab"} or context.is_test(
                module.path
            ):
                continue
            if (
                value.items
                or not value.keywords
                or "minute" in value.keywords
                or value.spreads_arguments
                or runs_always(value)
            ):
                continue
            change = (value.dot_line, value.dot_col + 1, value.dot_line, value.dot_col + 1, "minute=0, ")
            only = "hour" in value.keywords
            with_minute = fix("add minute=0", module, change, safe=only)
            yield at(module, value, "without a minute, this runs every minute of that time", fix=with_minute)


def runs_always(value: Value) -> bool:
    """Return whether all fields are "*"."""
    return all(field.const == "*" for field in value.keywords.values())
