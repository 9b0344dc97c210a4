"""Define tasks that wait, die or are refused when a test asks for it."""

import os
import signal
import time

from celery import shared_task
from celery.exceptions import Reject
from workload.records import FOLDER, record


@shared_task
def note(text: str, seconds: float = 0) -> None:
    """Leave a record, and take some time."""
    time.sleep(seconds)


@shared_task
def hold(name: str) -> None:
    """Keep the worker busy until a file says that it is enough."""
    deadline = time.monotonic() + 100
    while not (FOLDER / f"release-{name}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


@shared_task
def kill_process() -> None:
    """Kill the process that runs it, each time."""
    record("poisoned")
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def refuse() -> None:
    """Have the message rejected."""
    raise Reject("a test wants this", requeue=False)


@shared_task
def tick(text: str = "") -> None:
    """Do nothing: that beat sent it is all that counts."""
