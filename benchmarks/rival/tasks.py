"""Define the same two tasks for each job system, and dispatch one job or many."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import F
from rival.models import Counter

RIVAL = os.environ["RIVAL"]
Calls = Sequence[tuple[Any, ...]]  # the arguments of each job

if RIVAL == "procrastinate":
    from procrastinate.contrib.django import app

    def task(function: Callable[..., None]) -> Any:
        """Make a task of a function."""
        return app.task(name=function.__name__)(function)

    def dispatch(asked: Any, *args: Any) -> None:
        """Dispatch one job."""
        asked.defer(**_named(args))

    def dispatch_many(asked: Any, calls: Calls) -> None:
        """Dispatch jobs at once."""
        asked.batch_defer(*map(_named, calls))

    def _named(args: tuple[Any, ...]) -> dict[str, Any]:
        return {"number": args[0]} if args else {}

elif RIVAL == "celery":
    from celery import shared_task as task  # type: ignore[no-redef]

    def dispatch(asked: Any, *args: Any) -> None:
        """Dispatch one job."""
        asked.delay_on_commit(*args)

    def dispatch_many(asked: Any, calls: Calls) -> None:
        """Dispatch jobs one by one: there is no other way."""
        for args in calls:
            asked.delay_on_commit(*args)

else:
    from django.tasks import task  # type: ignore[no-redef]

    def dispatch(asked: Any, *args: Any) -> None:
        """Dispatch one job."""
        asked.enqueue(*args)

    def dispatch_many(asked: Any, calls: Calls) -> None:
        """Dispatch jobs at once, where the system has a way."""
        if RIVAL == "django-ox":
            from django_ox.bulk import enqueue_many

            enqueue_many(asked, [(args, {}) for args in calls])
        else:
            for args in calls:
                asked.enqueue(*args)


@task
def noop() -> None:
    """Do nothing."""


@task
def add_one(number: int) -> None:
    """Change one row."""
    Counter.objects.filter(pk=number % 32).update(value=F("value") + 1)
