"""Keep each line of the log that a thread writes while it runs a job, with the id of that job."""

import logging
import os
import threading
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.conf import settings

current = threading.local()


class Witness(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if job := getattr(current, "job", None):
            console = next(handler for handler in logging.getLogger().handlers if not isinstance(handler, Witness))
            descriptor = os.open(settings.BASE_DIR / "witness.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, f"{job} {console.format(record)}\n".encode())
            os.close(descriptor)


@task_prerun.connect
def begin(task_id: str, **kwargs: Any) -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, Witness) for handler in root.handlers):
        root.addHandler(Witness())
    current.job = task_id


@task_postrun.connect
def end(**kwargs: Any) -> None:
    current.job = None
