"""A task retries automatically without backoff.

Why: Without `retry_backoff`, all retries wait for the same fixed delay. A service that failed under load is hit by
all of them at once.

Bad:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,))
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=True)
    def index(pk): ...

Evidence: R1, F39; Celery's guide to tasks, "Automatic retry for known exceptions".

Ignore it when: the other side asks for a fixed delay.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._bases import has_unknown_base, inherits_option

CODE = "DJC404"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield autoretry_for without retry_backoff and without an explicit delay."""
    for task in project.own_tasks:
        value = task.options.get("autoretry_for")
        if (
            value is None
            or task.has_hidden_options
            or has_unknown_base(project, task)
            or inherits_option(project, task, "retry_backoff")
        ):
            continue
        backoff = task.options.get("retry_backoff")
        delays = {"default_retry_delay"} & set(task.options)
        kwargs = task.options.get("retry_kwargs")
        if kwargs is not None and (
            "countdown" in project.resolve(task.module, kwargs).pairs() or kwargs.kind == "name"
        ):
            delays = {"countdown"}
        if (backoff is None and not delays) or (backoff is not None and backoff.const is False):
            yield at(task.module, value, "these retries have no backoff; add retry_backoff=True")
