"""A task retries on every exception.

Why: A wrong argument or a bug fails again each time. The retries cost time and hide the first error.

Bad:
    from celery import shared_task

    @shared_task(autoretry_for=(Exception,), retry_backoff=True)
    def index(pk): ...

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(ConnectionError, TimeoutError), retry_backoff=True)
    def index(pk): ...

Evidence: R2, F39.

Ignore it when: everything that the task does can only fail temporarily.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Task, at

CODE = "DJC405"
SEVERITY = "warning"
NEVER = ("ValidationError", "ValueError", "TypeError", "KeyError", "AttributeError", "PermissionDenied")


def _never_retries(project: Project, task: Task) -> bool:
    """Return whether the task has `max_retries=0`, which turns its errors into its end."""
    kwargs = task.options.get("retry_kwargs")
    inner = project.resolve(task.module, kwargs).pairs().get("max_retries") if kwargs is not None else None
    values = [project.resolve(task.module, value) for value in (task.options.get("max_retries"), inner) if value]
    return any(value.kind == "const" and value.const == 0 for value in values)


def find(project: Project) -> Iterator[Finding]:
    """Yield autoretry_for with Exception, or with an error that no retry can solve."""
    for task in project.own_tasks:
        value = task.options.get("autoretry_for")
        if value is None or _never_retries(project, task):
            continue
        resolved = project.resolve(task.module, value)
        spared = task.options.get("dont_autoretry_for")
        for item in resolved.items if resolved.kind in {"tuple", "list"} else [resolved]:
            if item.last in {"Exception", "BaseException"} and spared is None:
                yield at(task.module, value, "this also retries bugs and invalid data; name only the temporary errors")
            elif item.last in NEVER:
                yield at(task.module, value, f"retrying does not help with {item.last}")
