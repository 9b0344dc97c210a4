"""Define tasks of Django's API, in a module that no convention names."""

import asyncio
import sys

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

from djcelery_jobs.tasks_backend import job_options

USERS = get_user_model().objects


@task
def add(name: str, fail: str = "") -> str:
    """Add a user, and fail as asked."""
    USERS.create(username=name)
    if fail == "exit":
        sys.exit("enough")
    if fail:
        raise {"transient": ConnectionResetError, "wrong": ValueError, "killed": KeyboardInterrupt}[fail](name)
    return name


@task
@job_options(keep_result=True)
def double(value: object) -> object:
    """Return something twice as long or large."""
    return value * 2


@task
@job_options(keep_result=True)
def unkeepable() -> object:
    """Return what is not JSON, after an effect."""
    USERS.create(username="unkeepable")
    return object()


@task(takes_context=True)
@job_options(keep_result=True)
def describe(context, fail_before: int = 1) -> dict:
    """Return what the context says, or fail in attempts before the one that is asked for."""
    if context.attempt < fail_before:
        raise ConnectionResetError(str(context.attempt))
    result = context.task_result
    return {
        "id": result.id,
        "attempt": context.attempt,
        "status": result.status,
        "queue": result.task.queue_name,
        "started_at": result.started_at.isoformat(),
        "enqueued_at": result.enqueued_at.isoformat(),
    }


@task
@job_options(keep_result=True)
async def add_async(name: str, fail: bool = False) -> bool:
    """Add two users by the asynchronous ORM. Return whether it was in a transaction."""
    await asyncio.gather(USERS.acreate(username=name), USERS.acreate(username=f"{name}2"))
    if fail:
        raise ValueError(name)
    return await sync_to_async(lambda: connection.in_atomic_block)()


@task
@job_options(one_transaction=False)
def add_in_steps(name: str, fail: bool = False) -> None:
    """Add a user in a transaction of its own."""
    USERS.create(username=name)
    if fail:
        raise ValueError(name)


@task
@job_options(max_attempts=2, backoff=7, key="patient {name}", timeout=5)
def patient(name: str, fail: bool = True) -> None:
    """Fail in a way that may pass."""
    if fail:
        raise ConnectionResetError(name)


@task(queue_name="email")
def mail() -> None:
    """Do nothing, among emails."""
