"""Log one line for each task that failed permanently, for alerts to look for, and keep its job as a dead letter."""

import logging
from typing import Any

from celery.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import task_failure

from djcelery_jobs.core import dead_letters
from djcelery_jobs.core.task import GivenUpMessage, is_durable
from djcelery_jobs.storable import class_path, error_text
from djcelery_jobs.telemetry.context import running

logger = logging.getLogger("djcelery_jobs.failure")


@task_failure.connect(dispatch_uid="djcelery_jobs.core.failures.record")
def record(
    sender: Any, task_id: str, exception: BaseException, args: Any, kwargs: Any, einfo: Any = None, **other: Any
) -> None:
    """Log a final failure, which a retry is not. The line holds no arguments, since these may be private."""
    names = {"task_id": task_id, "task": sender.name, "error": type(exception).__name__}
    if is_durable(sender) and isinstance(exception, TimeLimitExceeded | WorkerLostError):
        logger.warning("task_cut_off", extra=names)
        return  # its row decides whether it runs again
    # The worker's main process reports what its children could not; a traceback there would be that of the report.
    logger.error("task_failure", extra=names, exc_info=exception if running() else None)
    if isinstance(exception, GivenUpMessage):
        return  # the process that refused it has kept it, with the reason
    error = error_text(exception)
    trace = str(getattr(einfo, "traceback", None) or "")
    dead_letters.keep(sender.name, task_id, args, kwargs, error, traceback=trace, error_class=class_path(exception))
