"""A timing option has a value of a type that Celery cannot use.

Why: `apply_async` raises TypeError or AttributeError in the caller. A time limit that is a string is sent, and crashes
the worker's timer thread.

Bad:
    from datetime import timedelta

    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async((pk,), countdown=timedelta(minutes=5))

Good:
    from datetime import timedelta

    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async((pk,), countdown=timedelta(minutes=5).total_seconds())

Evidence: F54; reproduced on 5.7.

Ignore it when: your own base class converts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._option_types import describe_wrong_type

CODE = "DJC213"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield options of a dispatch or of a task that are a timedelta or a string where Celery needs a number."""
    for site in project.sites:
        if site.method not in {"apply_async", "apply_async_on_commit", "send_task"}:
            continue
        if site.task is not None and site.task.changes_messages:
            continue
        for option, value in site.value.keywords.items():
            if problem := describe_wrong_type(project, site.module, option, value):
                yield at(site.module, value, problem)
    for task in project.own_tasks:
        expires = task.options.get("expires")
        if expires is None or expires.kind != "call" or task.changes_messages:
            continue
        if problem := describe_wrong_type(project, task.module, "expires", expires):
            yield at(task.module, expires, problem)
