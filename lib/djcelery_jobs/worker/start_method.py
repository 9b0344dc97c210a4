"""Refuse a worker whose processes are spawned and not forked."""

from typing import Any

from celery import bootsteps, current_app
from django.core.exceptions import ImproperlyConfigured


class ForkedProcesses(bootsteps.Step):
    """Check how the worker starts its processes. What it counts reaches it through a pipe that only a fork inherits."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        method = getattr(worker, "pool_start_method", "fork")
        if method != "fork":
            raise ImproperlyConfigured(
                f"The processes of a worker must be forked, got {method!r}. "
                "Set CELERY_WORKER_POOL_START_METHOD to 'fork', and leave --pool-start-method out."
            )


current_app.steps["worker"].add(ForkedProcesses)
