"""Define jobs that tests kill. Each has two effects, one before and one after the time that it takes."""

import os
import signal
import time

from celery import shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from workload.models import Counter, Effect

from djcelery_jobs import DurableTask, effect_once

COUNTERS = 32  # enough that jobs seldom wait for each other


@shared_task(base=DurableTask)
def durable(number: int, seconds: float = 0) -> None:
    """Write both effects in the transaction in which the job becomes done."""
    _act(number, seconds)


@shared_task(base=DurableTask, one_transaction=False)
def stepwise(number: int, seconds: float = 0) -> None:
    """Write both effects in one step, which effect_once runs once."""
    time.sleep(seconds / 2)
    with effect_once(f"step:{number}") as first:
        if first:
            _act(number, seconds / 2)


@shared_task
def plain(number: int, seconds: float = 0) -> None:
    """Write both effects without any guard, for contrast: all that settings alone can promise."""
    with transaction.atomic():
        _act(number, seconds)


@shared_task(base=DurableTask)
def poison(number: int, victim: str, seconds: float = 0) -> None:
    """Kill the process that runs it ("child"), or the whole worker with all that it runs ("worker")."""
    record_start(number)
    time.sleep(seconds)
    if victim == "worker":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(base=DurableTask)
def recorded(number: int, seconds: float = 0) -> None:
    """Do what `durable` does, and leave a line for each start, which no kill takes back."""
    record_start(number)
    _act(number, seconds)


@shared_task(base=DurableTask)
def long_job(number: int, seconds: float = 0) -> None:
    """Do what `recorded` does, in the class of long jobs."""
    record_start(number)
    _act(number, seconds)


@shared_task(base=DurableTask)
def long_query(number: int, seconds: float = 0) -> None:
    """Write an effect, then wait in one statement: the database does not notice at once that its client is gone."""
    record_start(number)
    Effect.objects.create(number=number)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


@shared_task(base=DurableTask, one_transaction=False)
def long_steps(number: int, seconds: float = 0) -> None:
    """Do what `stepwise` does, in the class of long jobs, and leave a line for each start."""
    record_start(number)
    stepwise(number, seconds)


@shared_task(base=DurableTask, max_retries=1)
def statement(number: int, seconds: float) -> None:
    """Run one statement of PostgreSQL that takes so long."""
    Effect.objects.create(number=number)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def _act(number: int, seconds: float) -> None:
    Effect.objects.create(number=number)
    time.sleep(seconds)
    Counter.objects.filter(pk=number % COUNTERS).update(value=F("value") + 1)


def record_start(number: int) -> None:
    """Leave a line with the time at which a job began."""
    # One write to a file opened for appending: lines of several processes do not mix.
    descriptor = os.open(settings.BASE_DIR / "starts.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number} {time.time()}\n".encode())
    os.close(descriptor)
