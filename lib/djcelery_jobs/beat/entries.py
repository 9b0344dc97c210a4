"""Look at the entries of the schedule from outside of beat, and send one of them now."""

import logging
from typing import Any, NamedTuple

from celery import current_app
from celery.result import AsyncResult
from celery.utils.imports import symbol_by_name

from djcelery_jobs.telemetry.context import caused_by_entry

operations = logging.getLogger("djcelery_jobs.operations")

LIMIT = 10_000  # entries


class Call(NamedTuple):
    """Say what an entry sends."""

    task: str
    args: Any
    kwargs: Any
    options: dict[str, Any]


def scheduler() -> Any:
    """Return the class of this project's scheduler."""
    return symbol_by_name(current_app.conf.beat_scheduler)


def entry_names() -> set[str]:
    """Return the names of the entries."""
    return {planned.name for planned in scheduler().planned(current_app, LIMIT)}


def run_entry(name: str, *, by: str) -> AsyncResult:
    """Dispatch the task of a schedule entry once, now. The entry's next run stays where it was. Return the job.

    by: who does it, for the log. Raise ValueError when there is no such entry, and any error of dispatching its task.
    """
    call = scheduler().call_of(current_app, name)
    if call is None:
        raise ValueError(f"No entry of the schedule is called {name!r}.")
    if call.task not in current_app.tasks:
        raise ValueError(f"The entry {name!r} sends {call.task!r}, and no task is called that.")
    with caused_by_entry(name):
        result = current_app.tasks[call.task].apply_async(call.args, call.kwargs, **call.options)
    operations.info("%s ran the schedule entry %s now, as %s", by, name, result.id)
    return result
