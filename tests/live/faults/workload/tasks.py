"""Jobs that are killed. Each has two effects, one before and one after the time that it takes."""

import os
import signal
import time

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import F
from djcelery_jobs.core.effect_once import effect_once
from djcelery_jobs.core.durable import DurableTask

from .models import Counter, Effect

COUNTERS = 32  # enough that jobs seldom wait for each other


@shared_task(base=DurableTask)
def durable(number: int, seconds: float = 0) -> None:
    """Idempotent because its job becomes done in the same transaction."""
    _act(number, seconds)


@shared_task(base=DurableTask, one_transaction=False)
def stepwise(number: int, seconds: float = 0) -> None:
    """Idempotent because its one step is claimed."""
    time.sleep(seconds / 2)
    with effect_once(f"step:{number}") as first:
        if first:
            _act(number, seconds / 2)


@shared_task
def plain(number: int, seconds: float = 0) -> None:
    """Not idempotent, for contrast: what settings alone can do."""
    with transaction.atomic():
        _act(number, seconds)


@shared_task(base=DurableTask)
def poison(number: int, victim: str, seconds: float = 0) -> None:
    """Kill the process that runs it ("child"), or the whole worker with all that it runs ("worker")."""
    _record_start(number)
    time.sleep(seconds)
    if victim == "worker":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(base=DurableTask)
def recorded(number: int, seconds: float = 0) -> None:
    """As `durable`, and leaves a line for each start, which no kill takes back."""
    _record_start(number)
    _act(number, seconds)


@shared_task(base=DurableTask)
def long(number: int, seconds: float = 0) -> None:
    """As `recorded`, in the class of long jobs."""
    _record_start(number)
    _act(number, seconds)


@shared_task
def tick() -> None:
    """For the schedule: that it was sent is all that counts."""


@shared_task(base=DurableTask, one_transaction=False)
def errand(number: int, seconds: float = 0) -> None:
    """As `stepwise`, leaves a line for each start, and is in the class of long jobs."""
    _record_start(number)
    stepwise(number, seconds)


def _act(number: int, seconds: float) -> None:
    Effect.objects.create(number=number)
    time.sleep(seconds)
    Counter.objects.filter(pk=number % COUNTERS).update(value=F("value") + 1)


def _record_start(number: int) -> None:
    # One write to a file opened for appending: lines of several processes do not mix.
    descriptor = os.open(settings.BASE_DIR / "starts.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number} {time.time()}\n".encode())
    os.close(descriptor)
