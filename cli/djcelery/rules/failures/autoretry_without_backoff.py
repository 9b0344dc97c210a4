"""A task retries by itself without backoff.

Why: Without `retry_backoff` all retries come after one fixed delay: what failed under load is hit by all of them at
once.

Bad:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,))
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=True)
    def index(pk): ...

Evidence: R1, F39; Celery's guide to tasks, "Automatic retry for known exceptions".

Ignore it when: a fixed delay is what the other side asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._bases import inherited, unknown_base

CODE = "DJC404"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """autoretry_for without retry_backoff and without a delay of its own."""
    for task in project.own_tasks:
        value = task.options.get("autoretry_for")
        if value is None or task.spread or unknown_base(project, task) or inherited(project, task, "retry_backoff"):
            continue
        given = task.options.get("retry_backoff")
        delays = {"default_retry_delay"} & set(task.options)
        kwargs = task.options.get("retry_kwargs")
        if kwargs is not None and (
            "countdown" in project.resolve(task.module, kwargs).pairs() or kwargs.kind == "name"
        ):
            delays = {"countdown"}
        if (given is None and not delays) or (given is not None and given.const is False):
            yield at(task.module, value, "these retries have no backoff: add retry_backoff=True")
