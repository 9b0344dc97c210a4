"""Define jobs of Django's own `@task`, which do what the durable tasks of `counted` and `measured` do."""

import time

from django.db import transaction
from workload.tasks.counted import _act

from djcelery_jobs import effect_once
from djcelery_jobs.tasks_backend import job_options

try:
    from django.tasks import task
except ImportError:  # Django 5.2
    from django_tasks import task


@task(queue_name="fast")
def function(number: int, seconds: float = 0) -> None:
    """Write both effects in the transaction in which the job becomes done."""
    _act(number, seconds)


@task(queue_name="fast")
@job_options(one_transaction=False)
def function_in_steps(number: int, seconds: float = 0) -> None:
    """Write both effects in one step, which effect_once runs once."""
    time.sleep(seconds / 2)
    with effect_once(f"step:{number}") as first:
        if first:
            _act(number, seconds / 2)


@task(queue_name="fast")
def portable_function(number: int, seconds: float = 0) -> None:
    """Write both effects in a transaction of its own, as one would for any backend."""
    with transaction.atomic():
        _act(number, seconds)


@task(queue_name="fast")
def noop_function() -> None:
    """Do nothing."""
