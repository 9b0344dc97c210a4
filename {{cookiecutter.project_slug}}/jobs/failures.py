"""A task that failed for good leaves a line that an alert can look for."""

import logging
from typing import Any

from celery.signals import task_failure

logger = logging.getLogger("jobs.failure")


@task_failure.connect(dispatch_uid="jobs.failures.log_failure")
def log_failure(sender: Any = None, task_id: str = "", exception: BaseException | None = None, **kwargs: Any) -> None:
    """One line per final failure; a retry is none. Arguments stay out of it: they may hold what is private."""
    name = getattr(sender, "name", sender)
    logger.error("task_failure task=%s id=%s error=%s", name, task_id, type(exception).__name__)
