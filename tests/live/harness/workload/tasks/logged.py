"""Define jobs that write to the log in every way there is, and jobs that fail."""

import logging
import warnings

import structlog
from celery import shared_task
from celery.utils.log import get_task_logger
from django.utils.log import request_logger

from djcelery_jobs import DurableTask


def log_in_every_way() -> None:
    logging.getLogger("some.library").info("from a library")
    get_task_logger(__name__).info("from Celery's logger for tasks")
    structlog.get_logger("another").info("from structlog", count=1)
    request_logger.critical("from Django")
    try:
        int("several\nlines")
    except ValueError:
        logging.getLogger("some.library").exception("with a traceback")
    warnings.warn("from Python's warnings", stacklevel=1)


@shared_task(bind=True)
def first(self) -> None:
    """Fail once, as a plain job."""
    log_in_every_way()
    if not self.request.retries:
        raise ConnectionError("away for a moment")


@shared_task
def second() -> None:
    """Run as the second of a chain."""
    log_in_every_way()


@shared_task(base=DurableTask, bind=True)
def kept(self) -> None:
    """Fail once, as a durable job, and cause another job."""
    log_in_every_way()
    if not self.request.retries:
        raise ConnectionError("away for a moment")
    caused.delay_on_commit()


@shared_task(base=DurableTask)
def caused() -> None:
    log_in_every_way()


@shared_task(base=DurableTask)
def from_beat() -> None:
    """Carry the name of the schedule entry from beat to the worker through the row."""
    log_in_every_way()


@shared_task
def fail(order: int, password: str) -> None:
    raise ValueError(f"order {order} failed with password={password}")


@shared_task(base=DurableTask, max_retries=1, retry_backoff=False, default_retry_delay=0)
def fail_after_a_retry(order: int, password: str) -> None:
    raise ConnectionError(f"order {order} failed with password={password}")
