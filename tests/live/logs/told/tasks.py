"""Jobs that speak in many voices, and jobs that fail. None of these is an example of how to write a task."""

import logging
import warnings

import structlog
from celery import shared_task
from celery.utils.log import get_task_logger
from django.utils.log import request_logger
from djcelery_jobs.core.durable import DurableTask


def speak() -> None:
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
    """Plain; fails for a moment."""
    speak()
    if not self.request.retries:
        raise ConnectionError("away for a moment")


@shared_task
def second() -> None:
    """The next of the chain."""
    speak()


@shared_task(base=DurableTask, bind=True)
def kept(self) -> None:
    """Durable; fails for a moment, and causes another job."""
    speak()
    if not self.request.retries:
        raise ConnectionError("away for a moment")
    caused.delay_on_commit()


@shared_task(base=DurableTask)
def caused() -> None:
    speak()


@shared_task(base=DurableTask)
def from_beat() -> None:
    """What beat knows of it goes through the row."""
    speak()


@shared_task
def fail(order: int, password: str) -> None:
    raise ValueError(f"order {order} failed with password={password}")


@shared_task(base=DurableTask, max_retries=1, retry_backoff=False, default_retry_delay=0)
def fail_after_a_retry(order: int, password: str) -> None:
    raise ConnectionError(f"order {order} failed with password={password}")
