"""A periodic task may take longer than its interval.

Why: Beat does not wait for the previous run, so two runs may work on the same rows at the same time.

Bad:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task(time_limit=600)
    def index(pk=None): ...

Good:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task(time_limit=50)
    def index(pk=None): ...

Evidence: F65; Celery's guide to periodic tasks; celery issue 4808.

Ignore it when: the task takes a lock.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at
from djcelery.rules._durations import timedelta_seconds

CODE = "DJC608"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield intervals that are shorter than the time limit of the task."""
    for entry in project.schedule:
        schedule = entry.parts.get("schedule")
        seconds = interval(project.resolve(entry.module, schedule)) if schedule is not None else None
        limit = (entry.task.number("time_limit") or entry.task.number("soft_time_limit")) if entry.task else None
        if seconds is not None and limit is not None and limit > seconds:
            yield at(
                entry.module, entry.value, f"a run may take {limit:g} s, but the next one starts after {seconds:g} s"
            )


def interval(value: Value) -> float | None:
    """Return the seconds between two runs, if they are known."""
    if isinstance(value.const, int | float) and not isinstance(value.const, bool):
        return float(value.const)
    return timedelta_seconds(value)
