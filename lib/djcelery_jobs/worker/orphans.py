"""End a process of a worker that was forked in the moment in which the worker's main process was killed.

Celery lets each process end with the main one, but asks the kernel for that some milliseconds after the fork. A process
whose main process is gone by then would wait for jobs forever. It also keeps the worker's connection to the broker
open, so that RabbitMQ returns the unacknowledged messages only when a heartbeat is missed.
"""

import os
from dataclasses import dataclass
from typing import Any

from celery.signals import worker_init, worker_process_init


@dataclass
class MainProcess:
    """Hold the id of the main process. A process that was spawned and not forked does not inherit it."""

    pid: int | None = None


main_process = MainProcess()


@worker_init.connect(dispatch_uid="djcelery_jobs.worker.orphans.remember")
def remember(**kwargs: Any) -> None:
    """Note which process will be the parent."""
    main_process.pid = os.getpid()


@worker_process_init.connect(dispatch_uid="djcelery_jobs.worker.orphans.end")
def end(**kwargs: Any) -> None:
    """End this process if its parent is gone. From here on the kernel does so."""
    if main_process.pid is not None and os.getppid() != main_process.pid:
        os._exit(1)
