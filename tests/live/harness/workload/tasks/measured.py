"""Define tasks whose cost or delay is measured."""

import os
import time

from celery import Task, shared_task
from celery.worker.control import control_command
from django.conf import settings
from django.db.models import F
from workload.models import Counter, Effect
from workload.tasks.counted import record_start

from djcelery_jobs import DurableTask


@shared_task
def noop() -> None:
    """Do nothing, so that only the cost of a job is left."""


@shared_task(base=DurableTask)
def noop_durable() -> None:
    """Do nothing, as a durable job."""


@shared_task
def add_one(number: int) -> None:
    """Change one row."""
    Counter.objects.filter(pk=number % 32).update(value=F("value") + 1)


@shared_task(base=DurableTask)
def add_one_durable(number: int) -> None:
    """Change one row, as a durable job."""
    Counter.objects.filter(pk=number % 32).update(value=F("value") + 1)


@shared_task
def begin(number: int) -> None:
    """Write down when it began."""
    record_start(number)


@shared_task(base=DurableTask)
def begin_durable(number: int) -> None:
    """Write down when it began, as a durable job."""
    record_start(number)


@shared_task(base=DurableTask)
def once(number: int) -> None:
    """Write one effect, slowly enough that deliveries of the same moment meet."""
    Effect.objects.create(number=number)
    time.sleep(0.002)


@shared_task
def quick(published: float, layout: str) -> None:
    """Write down how long it took from its publishing to its start."""
    line = f"{time.time() - published:.6f}\n".encode()
    descriptor = os.open(settings.BASE_DIR / f"{layout}.latencies", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line)
    os.close(descriptor)


@shared_task
def sleep(seconds: float) -> None:
    """Hold a process."""
    time.sleep(seconds)


@shared_task
def burn(seconds: float) -> None:
    """Hold a process, and a fifth of a core."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if time.monotonic() % 0.1 > 0.02:
            time.sleep(0.08)


@shared_task(bind=True, retry_backoff=False, default_retry_delay=0)
def ending(self: Task, how: str) -> None:
    """Succeed, fail, or retry once and succeed then."""
    if how == "fail":
        raise ValueError(how)
    if how == "retry" and not self.request.retries:
        raise self.retry()


@control_command()
def go_deaf(state) -> None:
    """Leave the worker as a broken connection can: its loop turns, but it no longer hears its broker."""
    hub = state.consumer.hub
    hub.on_tick.clear()
    for each in list(hub.readers):
        hub.remove_reader(each)
