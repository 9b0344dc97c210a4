"""Count the runs that ended: from the processes that run jobs into the small tables of core/run_counts.py.

The process that ran a job writes one line into a pipe, which the worker's main process reads. So a child that is killed
has reported everything it did, and one process per worker writes to the database, every few seconds.

A durable job is counted once when it ends, and once for each retry before that. A delivery that found nothing to do is
no run, and a run that was cut off is not counted: the row decides whether the job runs again or has failed.
"""

import contextlib
import os
import select
import time
from typing import Any

from celery import Task, states
from celery.exceptions import TimeLimitExceeded
from celery.signals import task_failure, task_postrun, task_prerun

from djcelery_jobs.brokers.queue_lengths import WAITS_SINCE, queue_of
from djcelery_jobs.core.ledger import GivenUpError
from djcelery_jobs.core.run_counts import FAILED, PendingCounts, as_line
from djcelery_jobs.core.task import is_durable

OUTCOMES = {states.SUCCESS: "done", states.RETRY: "retried"}
READ_PAUSE = 0.1  # seconds between two reads: many lines at once cost less than one by one
READ_SIZE = 1 << 16  # bytes


class CountPipe:
    """Connect the processes that run jobs with the one that counts. Closed until a worker opens it."""

    def __init__(self) -> None:
        self.ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the pipe. Call it before the worker forks its children, which inherit it."""
        self.ends = os.pipe()
        for end in self.ends:
            os.set_blocking(end, False)

    def send(self, queue: str, task: str, outcome: str, seconds: float | None, waited: float | None = None) -> None:
        """Report a run that ended. Drop the report when the pipe is full: a job does not wait for being counted."""
        if self.ends:
            with contextlib.suppress(BlockingIOError):
                os.write(self.ends[1], as_line(queue, task, outcome, seconds, waited) + b"\n")

    def unblock(self) -> None:
        """Let read() return at once."""
        if self.ends:
            with contextlib.suppress(BlockingIOError):
                os.write(self.ends[1], b"\n")

    def read(self, seconds: float | None) -> list[bytes]:
        """Return the lines that are there, after waiting so long for the first. A line is too short to be split.

        seconds: None to wait until there is one, or until unblock().
        """
        if self.ends and select.select([self.ends[0]], [], [], seconds)[0]:
            return [line for line in os.read(self.ends[0], READ_SIZE).splitlines() if line]
        return []


pending, pipe = PendingCounts(), CountPipe()


@task_prerun.connect(dispatch_uid="djcelery_jobs.worker.tallies.begin")
def begin(task: Task, **kwargs: Any) -> None:
    """Note when the run began."""
    task.request.began = time.monotonic()
    since = getattr(task.request, WAITS_SINCE, None)
    task.request.waited = max(0.0, time.time() - since) if isinstance(since, int | float) else None


@task_postrun.connect(dispatch_uid="djcelery_jobs.worker.tallies.end")
def end(task: Task, state: str | None, **kwargs: Any) -> None:
    """Report a run that succeeded or will be retried."""
    if state in OUTCOMES and (not is_durable(task) or getattr(task.request, "begun", False)):
        _report(task, OUTCOMES[state], _seconds(task), _waited(task))


@task_failure.connect(dispatch_uid="djcelery_jobs.worker.tallies.fail")
def fail(sender: Task, exception: BaseException | None = None, **kwargs: Any) -> None:
    """Report a run that failed. The main process sends the signal when the process that ran it was killed."""
    if isinstance(exception, GivenUpError):  # nobody knows how long the last of its runs took
        _report(sender, FAILED)
    elif not (is_durable(sender) and isinstance(exception, TimeLimitExceeded)):
        _report(sender, FAILED, _seconds(sender), _waited(sender))


def _report(task: Task, outcome: str, seconds: float | None = None, waited: float | None = None) -> None:
    pipe.send(queue_of(task.request.delivery_info, task.name), task.name, outcome, seconds, waited)


def _waited(task: Task) -> float | None:
    return getattr(task.request, "waited", None)


def _seconds(task: Task) -> float | None:
    began = getattr(task.request, "began", None)
    return None if began is None else time.monotonic() - began
