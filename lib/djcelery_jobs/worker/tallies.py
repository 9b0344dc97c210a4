"""How many runs ended, how, and how long they took: from the processes that run jobs into two small tables.

Each run is one line in a pipe, written by the process that ran it and read by the worker's main process. So a child
that is killed has told all that it did, and one process of each worker writes to the database, every few seconds.
"""

import contextlib
import json
import os
import select
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from celery import Task, states
from celery.signals import task_failure, task_postrun, task_prerun
from django.db import DatabaseError, transaction
from django.db.models import F

from djcelery_jobs.brokers.queue_lengths import queue_of
from djcelery_jobs.models import MinuteTally, Tally

OUTCOMES = {states.SUCCESS: "done", states.RETRY: "retried"}
FAILED = "failed"
# Seconds: the upper ends of the histogram's buckets. One more holds what took longer.
BOUNDS = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0]
MORE = "+Inf"
PAUSE = 0.1  # seconds: lines are read in heaps, not one by one
HEAP = 1 << 16  # bytes


@dataclass
class Runs:
    """Runs of one task in one queue that ended in one way. buckets: how many took at most so many seconds."""

    count: int = 0
    seconds: float = 0.0
    buckets: dict[str, int] = field(default_factory=dict)

    def add(self, seconds: float | None) -> None:
        """seconds: None when nobody knows, since the process was killed."""
        self.count += 1
        if seconds is not None:
            self.seconds += seconds
            bound = str(next((bound for bound in BOUNDS if seconds <= bound), MORE))
            self.buckets[bound] = self.buckets.get(bound, 0) + 1

    def merge(self, other: "Runs") -> None:
        self.count += other.count
        self.seconds += other.seconds
        for bound, count in other.buckets.items():
            self.buckets[bound] = self.buckets.get(bound, 0) + count


class Book:
    """What this worker has counted and not yet written into the database."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str, str], Runs] = defaultdict(Runs)  # by queue, task, outcome
        self.minutes: dict[tuple[datetime, str, str], int] = defaultdict(int)  # by minute, queue, outcome
        self._lock = threading.Lock()

    def add(self, lines: Iterable[bytes]) -> None:
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        with self._lock:
            for line in lines:
                queue, task, outcome, seconds = json.loads(line)
                self.runs[queue, task, outcome].add(seconds)
                self.minutes[minute, queue, outcome] += 1

    def write(self) -> None:
        """Add it to the tables and begin anew. Raises DatabaseError, and keeps it for the next time."""
        with self._lock:
            runs, self.runs = self.runs, defaultdict(Runs)
            minutes, self.minutes = self.minutes, defaultdict(int)
        try:
            with transaction.atomic():
                # In order: two workers that lock the same rows never wait for each other in a circle.
                for key in sorted(runs):
                    _add_to_tally(*key, runs[key])
                for each in sorted(minutes):
                    _add_to_minute(*each, minutes[each])
        except DatabaseError:
            with self._lock:
                for key, counted in runs.items():
                    self.runs[key].merge(counted)
                for each, count in minutes.items():
                    self.minutes[each] += count
            raise


def _add_to_tally(queue: str, task: str, outcome: str, runs: Runs) -> None:
    row, _ = Tally.objects.select_for_update().get_or_create(queue=queue, task=task, outcome=outcome)
    total = Runs(row.count, row.seconds, dict(row.buckets))
    total.merge(runs)
    row.count, row.seconds, row.buckets = total.count, total.seconds, total.buckets
    row.save()


def _add_to_minute(minute: datetime, queue: str, outcome: str, count: int) -> None:
    MinuteTally.objects.get_or_create(minute=minute, queue=queue)
    MinuteTally.objects.filter(minute=minute, queue=queue).update(**{outcome: F(outcome) + count})


class Line:
    """The pipe from the processes that run jobs to the one that counts. It is closed until a worker opens it."""

    def __init__(self) -> None:
        self.ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Before the worker forks its children, which inherit it."""
        self.ends = os.pipe()
        for end in self.ends:
            os.set_blocking(end, False)

    def tell(self, queue: str, task: str, outcome: str, seconds: float | None) -> None:
        if self.ends:
            text = json.dumps([queue, task, outcome, seconds and round(seconds, 6)]) + "\n"
            with contextlib.suppress(BlockingIOError):  # full: a job does not wait for being counted
                os.write(self.ends[1], text.encode())

    def wake(self) -> None:
        """Let read() return at once."""
        if self.ends:
            with contextlib.suppress(BlockingIOError):
                os.write(self.ends[1], b"\n")

    def read(self, seconds: float) -> list[bytes]:
        """The lines that are there, waiting that long for the first. A line is shorter than what a pipe may split."""
        if self.ends and select.select([self.ends[0]], [], [], seconds)[0]:
            return [each for each in os.read(self.ends[0], HEAP).splitlines() if each]
        return []


book, line = Book(), Line()


@task_prerun.connect(dispatch_uid="djcelery_jobs.worker.tallies.begin")
def begin(task: Task, **kwargs: Any) -> None:
    task.request.began = time.monotonic()


@task_postrun.connect(dispatch_uid="djcelery_jobs.worker.tallies.end")
def end(task: Task, state: str | None, **kwargs: Any) -> None:
    if state in OUTCOMES:
        line.tell(queue_of(task.request.delivery_info, task.name), task.name, OUTCOMES[state], _seconds(task))


@task_failure.connect(dispatch_uid="djcelery_jobs.worker.tallies.fail")
def fail(sender: Task, **kwargs: Any) -> None:
    """Sent by the process that ran it, or by the main one when that process was killed."""
    line.tell(queue_of(sender.request.delivery_info, sender.name), sender.name, FAILED, _seconds(sender))


def _seconds(task: Task) -> float | None:
    began = getattr(task.request, "began", None)
    return None if began is None else time.monotonic() - began
