"""Choose the API of `@task`: Django's own since 6.0, and before that the one of the package django-tasks."""

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from django import VERSION
from django.core.exceptions import ImproperlyConfigured

OLDEST_PACKAGE = (0, 12)  # other packages, such as Wagtail, may hold django-tasks at a version with other names


def _has_package() -> bool:
    """Return whether a django-tasks is installed whose API is the one of Django 6.0."""
    try:
        parts = re.findall(r"\d+", version("django-tasks"))
    except PackageNotFoundError:
        return False
    return tuple(map(int, parts[:2])) >= OLDEST_PACKAGE and find_spec("django_tasks") is not None


IS_AVAILABLE = VERSION >= (6, 0) or _has_package()

if VERSION >= (6, 0):
    from django.tasks import DEFAULT_TASK_QUEUE_NAME, Task, TaskContext, TaskResult, TaskResultStatus, task_backends
    from django.tasks.backends.base import BaseTaskBackend
    from django.tasks.base import TASK_MAX_PRIORITY, TASK_MIN_PRIORITY, TaskError
    from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
    from django.tasks.signals import task_enqueued, task_finished, task_started
    from django.utils.json import normalize_json
elif IS_AVAILABLE:
    from django_tasks import DEFAULT_TASK_QUEUE_NAME, TaskContext, TaskResult, TaskResultStatus, task_backends
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import TASK_MAX_PRIORITY, TASK_MIN_PRIORITY, Task, TaskError
    from django_tasks.exceptions import InvalidTaskError as InvalidTask
    from django_tasks.exceptions import TaskResultDoesNotExist
    from django_tasks.signals import task_enqueued, task_finished, task_started
    from django_tasks.utils import normalize_json
else:

    def __getattr__(name: str) -> Any:
        oldest = ".".join(map(str, OLDEST_PACKAGE))
        raise ImproperlyConfigured(
            f"@task needs Django 6.0, or django-tasks {oldest} or newer. Install or upgrade django-tasks."
        )


__all__ = [
    "DEFAULT_TASK_QUEUE_NAME",
    "IS_AVAILABLE",
    "TASK_MAX_PRIORITY",
    "TASK_MIN_PRIORITY",
    "BaseTaskBackend",
    "InvalidTask",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultDoesNotExist",
    "TaskResultStatus",
    "normalize_json",
    "task_backends",
    "task_enqueued",
    "task_finished",
    "task_started",
]
