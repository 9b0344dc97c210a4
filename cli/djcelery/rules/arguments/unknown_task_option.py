"""A task is declared with an option that Celery does not know.

Why: Celery stores the option as an attribute of the task, and nothing reads it. A misspelt time limit limits nothing.

Bad:
    from celery import shared_task

    @shared_task(time_limt=60)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(time_limit=60)
    def index(pk): ...

Evidence: F19, reproduced on 5.7.

Ignore it when: your own base class reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.base_classes import CELERY_BASES, JOB_BASES
from djcelery.project.celery_names import DURABLE_OPTIONS, TASK_OPTIONS
from djcelery.rules._base import Finding, Project, at, closest_typo

CODE = "DJC206"
SEVERITY = "error"
KNOWN_BASES = CELERY_BASES | JOB_BASES
OLD = {"max_retry", "retries", "retry", "timeout", "soft_timeout", "countdown", "ack_late", "retry_delay"}


def find(project: Project) -> Iterator[Finding]:
    """Yield keywords of the decorator that are not options, unless a custom base may read them."""
    for task in project.own_tasks:
        if not task.is_declared_directly or not all(base in KNOWN_BASES for base in task.bases):
            continue
        known = TASK_OPTIONS | DURABLE_OPTIONS if task.is_durable else TASK_OPTIONS
        for keyword, value in task.options.items():
            if keyword in known:
                continue
            meant = closest_typo(keyword, known)
            if meant or keyword in OLD:
                tip = f"; did you mean {meant}?" if meant else ""
                yield at(task.module, value, f"unknown task option {keyword}, which Celery ignores{tip}")
            else:
                yield at(task.module, value, f"unknown task option {keyword}", severity="hint")
