"""The soft time limit is not below the hard limit.

Why: The hard limit kills the process first, so the task never gets the chance to clean up that the soft limit is for.

Bad:
    from celery import shared_task

    @shared_task(soft_time_limit=60, time_limit=60)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(soft_time_limit=60, time_limit=90)
    def index(pk): ...

Evidence: X2, F49; rse-grand-challenge issue 3426.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting, at_task

CODE = "DJC503"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield pairs of limits, on one task, at one dispatch, or in one settings module, that are in the wrong order."""
    for task in project.own_tasks:
        soft, hard = task.options.get("soft_time_limit"), task.options.get("time_limit")
        low, high = project.number(task.module, soft), project.number(task.module, hard)
        if soft is not None and low and high and low >= high:
            yield at(task.module, soft, wrong_order(low, high))
    for site in project.sites:
        soft, hard = site.value.keywords.get("soft_time_limit"), site.value.keywords.get("time_limit")
        low, high = project.number(site.module, soft), project.number(site.module, hard)
        if soft is not None and low and high and low >= high:
            yield at(site.module, soft, wrong_order(low, high))
    for setting in project.settings_of("task_soft_time_limit"):
        low = project.number(setting.module, setting.value)
        for hard_setting in project.settings_of("task_time_limit"):
            high = project.number(hard_setting.module, hard_setting.value)
            if (
                hard_setting.module is setting.module
                and low
                and high
                and low >= high
                and not (setting.conditional or hard_setting.conditional)
            ):
                yield at(setting.module, setting, wrong_order(low, high))


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield pairs of effective limits, of the settings and of each task, that are in the wrong order."""
    low, high = running.number("task_soft_time_limit"), running.number("task_time_limit")
    if low and high and low >= high:
        yield at_setting(project, "task_soft_time_limit", wrong_order(low, high))
    for task in running.own_tasks:
        soft, hard = task.options["soft_time_limit"], task.options["time_limit"]
        if are_positive_numbers(soft, hard) and soft >= hard and (soft, hard) != (low, high):
            yield at_task(project, task, "soft_time_limit", wrong_order(soft, hard))


def wrong_order(soft: float, hard: float) -> str:
    """Return the message about a pair of limits."""
    return f"the soft limit ({soft:g} s) is not below the hard limit ({hard:g} s)"


def are_positive_numbers(*values: object) -> bool:
    """Return whether all of them are numbers above zero."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) and value > 0 for value in values)
