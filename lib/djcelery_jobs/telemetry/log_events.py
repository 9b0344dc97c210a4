"""Log one line for each event of a job: enqueued, succeeded, retrying, revoked. failures.py logs its failure.

django-structlog writes the lines, and carries the context of whoever dispatches along in the message.
"""

from contextlib import AbstractContextManager
from typing import Any

import structlog
from celery.signals import setup_logging, task_failure, task_postrun, task_unknown
from celery.worker.request import Request
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.signals import bind_extra_task_metadata, pre_task_succeeded

from djcelery_jobs.telemetry.bound_context import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
)
from djcelery_jobs.telemetry.context import bound, describe

logger = structlog.get_logger(__name__)


class JobEventReceiver(CeleryReceiver):
    """Write one line instead of two, or at less cost, since every job passes here. The documented signals are sent."""

    def get_task_context(self) -> dict[str, Any]:
        """Return the names that travel with the job."""
        return bound()

    def receiver_after_task_publish(self, *args: Any, headers: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        """Log that a job was enqueued."""
        logger.info(
            "task_enqueued", child_task_id=headers["id"], child_task_name=headers["task"], routing_key=routing_key
        )

    def receiver_task_prerun(self, task_id: str, task: Any, *args: Any, **kwargs: Any) -> None:
        """Bind the names of the job to every line that is logged while it runs."""
        request = task.request
        if outer := get_contextvars():  # one task runs another inside itself
            request.outer_context = outer
            clear_contextvars()
        bind_contextvars(**(getattr(request, "__django_structlog__", None) or {}) | {"task_id": task_id})
        bind_extra_task_metadata.send(sender=self.receiver_task_prerun, task=task, logger=logger)

    def receiver_task_postrun(self, task: Any, **kwargs: Any) -> None:
        """Forget the names of the job, and bind those of the job around it again."""
        clear_contextvars()
        if outer := getattr(task.request, "outer_context", None):
            bind_contextvars(**outer)

    def receiver_task_success(self, runtime: float = 0, result: Any = None, **kwargs: Any) -> None:
        """Log that a job succeeded."""
        pre_task_succeeded.send(sender=self.receiver_task_success, logger=logger, result=result)
        logger.info("task_succeeded", duration_ms=round(runtime * 1000))


class JobRequest(Request):
    """Name the job on the lines that the worker's main process logs when it ends one."""

    def on_timeout(self, soft: bool, timeout: float) -> None:
        with self._named():
            super().on_timeout(soft, timeout)

    def on_failure(self, *args: Any, **kwargs: Any) -> None:
        with self._named():
            super().on_failure(*args, **kwargs)

    def _named(self) -> AbstractContextManager[None]:
        context = getattr(self._context, "__django_structlog__", None) or {}
        return bound_contextvars(**context | describe(self.task, self._context))


RECEIVER = JobEventReceiver()


def connect() -> None:
    """Write the lines about jobs, and leave the configuration of logs to Django: Celery would replace it.

    With a receiver for `setup_logging`, Celery adds no handlers and changes no levels.
    """
    RECEIVER.connect_worker_signals()
    task_postrun.connect(RECEIVER.receiver_task_postrun)
    # failures.py and stray_messages.py log it, in one line for each job.
    task_failure.disconnect(RECEIVER.receiver_task_failure)
    task_unknown.disconnect(RECEIVER.receiver_task_unknown)
    setup_logging.connect(leave_logging_to_django)


def leave_logging_to_django(**kwargs: Any) -> None:
    """Do nothing: that there is a receiver is what counts."""
