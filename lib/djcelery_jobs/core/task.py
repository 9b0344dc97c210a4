"""Define the base class of every task: its retries, how often it may kill its worker, the size of its arguments."""

import logging
from importlib.util import find_spec
from inspect import Signature, signature
from typing import Any

from asgiref.sync import sync_to_async
from celery import current_app
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Reject
from celery.result import AsyncResult
from django.db import OperationalError
from django.utils.functional import cached_property
from kombu.utils.json import dumps

from djcelery_jobs.brokers.circuit_breaker import producer_from_pool
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.dispatch_options import check_options

logger = logging.getLogger(__name__)

WORKER_LOST = "celery.exceptions.WorkerLostError"
JOB_REQUEST = "djcelery_jobs.telemetry.log_events:JobRequest"

# Errors after which another attempt may succeed. Most clients' errors of the kind derive from Python's ConnectionError
# and TimeoutError. Never list Exception or a validation error here: what cannot succeed must fail immediately.
TRANSIENT_ERRORS = (ConnectionError, TimeoutError, OperationalError)


class ArgumentsTooLargeError(ValueError):
    """Say that the arguments of a job exceed MAX_ARGUMENT_BYTES."""


class GivenUpMessage(Reject):
    """Say that the message of a plain task is given up, because its worker died under it too often."""


class JobTask(DjangoTask):
    """Retry transient errors, and bound how often a message comes back after its worker died.

    Both are Celery's own options: `@shared_task(max_retries=8, autoretry_for=(...))` overrides them for one task.
    """

    durable = False  # whether a row in the database holds its jobs
    Request = JOB_REQUEST if find_spec("django_structlog") else DjangoTask.Request
    autoretry_for = TRANSIENT_ERRORS
    max_retries = 5
    retry_backoff = 2  # seconds, doubled for each retry
    retry_backoff_max = 120  # seconds
    retry_jitter = True  # or all tasks that failed together come back together

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> AsyncResult:
        """Publish the task as Celery does.

        Raise what check_arguments() raises, and TypeError for an option of a wrong type.
        """
        self.check_arguments(args, kwargs)
        # Celery itself passes the times of a message that it sends again as texts.
        check_options(self.name, {name: value for name, value in options.items() if not _is_iso_time(name, value)})
        if options.get("producer") or current_app.conf.task_always_eager:
            return super().apply_async(args, kwargs, **options)
        with producer_from_pool() as producer:
            return super().apply_async(args, kwargs, **options | {"producer": producer})

    async def aapply_async(self, *args: Any, **options: Any) -> AsyncResult:
        """Do the same as apply_async(), from async code."""
        return await sync_to_async(self.apply_async)(*args, **options)

    async def adelay(self, *args: Any, **kwargs: Any) -> AsyncResult:
        """Do the same as delay(), from async code."""
        return await sync_to_async(self.delay)(*args, **kwargs)

    def check_arguments(self, args: Any, kwargs: Any) -> None:
        """Raise ArgumentsTooLargeError, and TypeError for arguments that the task does not take."""
        if self.typing:
            self._signature.bind(*(args or ()), **(kwargs or {}))
        size = len(dumps([args, kwargs]))
        # The broker holds every message in memory, and each redelivery carries it again.
        if size > (allowed := jobs_settings.MAX_ARGUMENT_BYTES):
            raise ArgumentsTooLargeError(
                f"The arguments of {self.name} take {size} bytes, {allowed} are allowed. "
                "Put larger data in file storage or a row and pass its key."
            )

    @cached_property
    def _signature(self) -> Signature:
        return signature(self.run)

    def before_start(self, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Keep the message until its pause is over, if there is one, and raise Ignore then.

        Raise GivenUpMessage for one whose worker died under it too often; RabbitMQ then dead-letters it.
        """
        from djcelery_jobs.core import pauses  # needs models, which cannot be imported while Django loads the apps

        pauses.hold_plain(self, args, kwargs)
        if not (self.request.delivery_info or {}).get("redelivered"):
            return
        from djcelery_jobs.core import (
            dead_letters,  # needs models, which cannot be imported while Django still loads the apps
        )
        from djcelery_jobs.models import Redelivery

        redeliveries = Redelivery.count(task_id, self.name)
        if redeliveries > jobs_settings.MAX_REDELIVERIES:
            logger.warning("gave up on %s: its worker died %d times while it ran", self.name, redeliveries)
            error = f"Its worker died {redeliveries} times while it ran."
            dead_letters.keep(self.name, task_id, args, kwargs, error, error_class=WORKER_LOST)
            raise GivenUpMessage("its worker died too often", requeue=False)


def _is_iso_time(option: str, value: object) -> bool:
    return option in ("eta", "expires") and isinstance(value, str)


def is_durable(task: object) -> bool:
    """Return whether a row in the database holds the jobs of this task, which may be any Celery task, or None."""
    return bool(getattr(task, "durable", False))
