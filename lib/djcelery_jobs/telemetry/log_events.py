"""The lines that each job leaves in the log: enqueued, succeeded, retrying, revoked. A failure is in failures.py.

django-structlog writes them, and carries the context of whoever dispatches along in the message.
"""

from contextlib import AbstractContextManager
from typing import Any

import structlog
from celery.signals import setup_logging, task_failure, task_postrun, task_unknown
from celery.worker.request import Request
from django_structlog.celery.receivers import CeleryReceiver

from djcelery_jobs.telemetry.bound_context import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
)
from djcelery_jobs.telemetry.context import bound, describe

logger = structlog.get_logger(__name__)


class JobEventReceiver(CeleryReceiver):
    """Where this overrides, it is to write one line instead of two, or at less cost: each job comes along here."""

    def get_task_context(self) -> dict[str, Any]:
        return bound()

    def receiver_after_task_publish(self, *args: Any, headers: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        logger.info(
            "task_enqueued", child_task_id=headers["id"], child_task_name=headers["task"], routing_key=routing_key
        )

    def receiver_task_prerun(self, task_id: str, task: Any, *args: Any, **kwargs: Any) -> None:
        request = task.request
        if outer := get_contextvars():  # one task runs another inside itself
            request.outer_context = outer
            clear_contextvars()
        bind_contextvars(task_id=task_id, **getattr(request, "__django_structlog__", {}))

    def receiver_task_postrun(self, task: Any, **kwargs: Any) -> None:
        clear_contextvars()
        if outer := getattr(task.request, "outer_context", None):
            bind_contextvars(**outer)

    def receiver_task_success(self, runtime: float = 0, **kwargs: Any) -> None:
        logger.info("task_succeeded", duration_ms=round(runtime * 1000))


class JobRequest(Request):
    """A job as the worker's main process knows it: what that says when it ends a job carries the job's names."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        with self._named():
            super().on_timeout(soft, timeout)

    def on_failure(self, *args: Any, **kwargs: Any) -> None:
        with self._named():
            super().on_failure(*args, **kwargs)

    def _named(self) -> AbstractContextManager[None]:
        context = getattr(self._context, "__django_structlog__", {})
        return bound_contextvars(**context, **describe(self.task, self._context))


RECEIVER = JobEventReceiver()
RECEIVER.connect_worker_signals()
task_postrun.connect(RECEIVER.receiver_task_postrun)
# failures.py and dead_letters.py say it, in one line for each job.
task_failure.disconnect(RECEIVER.receiver_task_failure)
task_unknown.disconnect(RECEIVER.receiver_task_unknown)


@setup_logging.connect
def leave_logging_to_django(**kwargs: Any) -> None:
    """With a receiver for this signal, Celery adds no handlers and changes no levels."""
