"""A task retries without a limit.

Why: `max_retries=None` means no limit. A message that can never succeed is retried until someone notices.

Bad:
    from celery import shared_task

    @shared_task(bind=True, max_retries=None)
    def index(self, pk): ...

Good:
    from celery import shared_task

    @shared_task(bind=True, max_retries=10)
    def index(self, pk): ...

Evidence: R1, F40; Celery's documentation of Task.max_retries.

Ignore it when: the task counts its retries and gives up by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC406"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield max_retries=None on a task, in retry_kwargs, or in a retry() of a task."""
    for task in project.own_tasks:
        kwargs = task.options.get("retry_kwargs")
        inner = project.resolve(task.module, kwargs).pairs().get("max_retries") if kwargs is not None else None
        for value in (task.options.get("max_retries"), inner):
            if value is not None and is_none(value):
                yield at(task.module, value, "max_retries=None means that the retries never stop")
    for module, call, _ in project.calls_in_tasks:
        value = call.value.keywords.get("max_retries")
        if call.value.last == "retry" and value is not None and is_none(value):
            yield at(module, value, "max_retries=None means the default of the task here, or no limit")


def is_none(value: Value) -> bool:
    return value.kind == "const" and value.const is None
