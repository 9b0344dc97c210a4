"""A task that failed for good leaves a line that an alert can look for, and its job with the dead letters."""

import logging
from typing import Any

from celery.signals import task_failure

from . import dead_letters

logger = logging.getLogger("jobs.failure")


@task_failure.connect(dispatch_uid="jobs.failures.record")
def record(
    sender: Any, task_id: str, exception: BaseException, args: Any, kwargs: Any, einfo: Any = None, **rest: Any
) -> None:
    """One line for each final failure; a retry is none. Arguments stay out of it: they may hold what is private."""
    logger.error("task_failure task=%s id=%s error=%s", sender.name, task_id, type(exception).__name__)
    error = f"{type(exception).__name__}: {exception}"
    trace = str(getattr(einfo, "traceback", None) or "")
    dead_letters.keep(sender.name, task_id, args, kwargs, error, traceback=trace)
