"""Record each start of a task. Where a file asks for it, kill its process between its end and its ack."""

import os
import signal
from typing import Any

from celery.signals import task_postrun, task_prerun
from workload.records import FOLDER, record


@task_prerun.connect
def record_start(task_id: str, task: Any, args: Any, **kwargs: Any) -> None:
    record("start", task=task.name, id=task_id, args=list(args), worker=task.request.hostname)


@task_postrun.connect
def kill_where_asked(task: Any, **kwargs: Any) -> None:
    asked = FOLDER / f"kill-after-{task.name}"
    if asked.exists():
        asked.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
