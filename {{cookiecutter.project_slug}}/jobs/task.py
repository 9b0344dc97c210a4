"""The base class of every task: how it retries, how often it may kill its worker, how large its arguments may be."""

import logging
from typing import Any

from celery import current_app
from celery.contrib.django.task import DjangoTask
from celery.exceptions import Reject
from celery.result import AsyncResult
from django.db import OperationalError
from kombu.utils.json import dumps

from .breaker import producer_from_pool

logger = logging.getLogger(__name__)

# What may work a moment later. ConnectionError and TimeoutError are Python's own, and most clients' errors of the
# kind derive from them. Never list Exception or a validation error here: what cannot succeed must fail once.
TRANSIENT_ERRORS = (ConnectionError, TimeoutError, OperationalError)

# A task that kills its process comes back this often, then no more. Innocent tasks on the same worker come back
# with it and are counted too, so the limit must not be below 3.
MAX_REDELIVERIES = 3


# Bytes. What is larger belongs into the storage or a row, and its key into the arguments: the broker holds every
# message in memory, and each redelivery carries it again.
MAX_ARGUMENTS = 64 * 1024


class ArgumentsTooLargeError(ValueError):
    """The arguments of a job exceed MAX_ARGUMENTS."""


class JobTask(DjangoTask):
    """A task that retries transient errors and cannot come back for ever.

    Both are Celery's own options: `@shared_task(max_retries=8, autoretry_for=(...))` overrides them for one task.
    """

    Request = "jobs.lines:JobRequest"
    autoretry_for = TRANSIENT_ERRORS
    max_retries = 5
    retry_backoff = 2  # seconds, doubled for each retry
    retry_backoff_max = 120  # seconds
    retry_jitter = True  # or all tasks that failed together come back together

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> AsyncResult:
        """As Celery's. Raises what check_arguments() does."""
        self.check_arguments(args, kwargs)
        if options.get("producer") or current_app.conf.task_always_eager:
            return super().apply_async(args, kwargs, **options)
        with producer_from_pool() as producer:
            return super().apply_async(args, kwargs, **options | {"producer": producer})

    def check_arguments(self, args: Any, kwargs: Any) -> None:
        """Raises ArgumentsTooLargeError, and TypeError for arguments that the task does not take."""
        if self.typing and (takes := getattr(self, "__header__", None)):
            takes(*(args or ()), **(kwargs or {}))
        size = len(dumps([args, kwargs]))
        if size > MAX_ARGUMENTS:
            raise ArgumentsTooLargeError(
                f"The arguments of {self.name} take {size} bytes, {MAX_ARGUMENTS} are allowed. "
                "Put the data into the storage or a row and pass its key."
            )

    def before_start(self, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Reject a message whose worker died under it too often. Raises Reject; RabbitMQ then dead-letters it."""
        if not (self.request.delivery_info or {}).get("redelivered"):
            return
        from . import dead_letters  # needs models, which cannot be imported while Django still loads the apps
        from .models import Redelivery

        redeliveries = Redelivery.count(task_id, self.name)
        if redeliveries > MAX_REDELIVERIES:
            logger.warning("gave up on %s: its worker died %d times while it ran", self.name, redeliveries)
            dead_letters.keep(self.name, task_id, args, kwargs, f"Its worker died {redeliveries} times while it ran.")
            raise Reject("its worker died too often", requeue=False)
