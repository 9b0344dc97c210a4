"""A task retries without jitter.

Why: All tasks that failed at the same moment retry at the same moment, again and again.

Bad:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=True, retry_jitter=False)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=True)
    def index(pk): ...

Evidence: R1; Celery's guide to tasks.

Ignore it when: only one task of this kind runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC407"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield retry_jitter=False."""
    for task in project.own_tasks:
        value = task.options.get("retry_jitter")
        if value is not None and value.const is False:
            yield at(task.module, value, "without jitter, all retries run at the same moment")
