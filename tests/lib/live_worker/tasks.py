"""Define tasks that write down when they begin and end."""

import os
import time
from pathlib import Path

from celery import shared_task
from django.conf import settings

from djcelery_jobs.core.durable import DurableTask


@shared_task
def note(name: str) -> None:
    """Write down the name, and which worker ran it."""
    write(f"{name} {os.getppid()}")


@shared_task(base=DurableTask, one_transaction=False)
def loose(name: str, seconds: float) -> None:
    """Have an effect at the beginning and one at the end, both outside of a transaction."""
    write(f"begin {name}")
    time.sleep(seconds)
    write(f"end {name}")


@shared_task(base=DurableTask, one_transaction=False)
def held(name: str) -> None:
    """Run until the test makes a file with this name."""
    write(f"begin {name}")
    while not (Path(settings.LIVE_FOLDER) / name).exists():
        time.sleep(0.1)
    write(f"end {name}")


@shared_task
def plain(name: str, seconds: float) -> None:
    """Do the same in a task that is not durable."""
    write(f"begin {name}")
    time.sleep(seconds)
    write(f"end {name}")


def write(line: str) -> None:
    """Append a line, whole, whichever process writes at the same time."""
    file = os.open(Path(settings.LIVE_FOLDER) / "lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)
