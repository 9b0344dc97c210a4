"""Sum up the runs that ended, how, and how long they took, and add the sums to small tables.

A worker counts what its children report (worker/tallies.py). What ends outside of a run is counted at once.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError
from django.db.models import F

from djcelery_jobs.models import MinuteTally, Tally, TaskSlot, atomic

FAILED = "failed"
# Seconds: the upper ends of the histogram's buckets. OVERFLOW holds what took longer.
BOUNDS = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0]
OVERFLOW = "+Inf"
SLOTS = (10, 60)  # minutes: the spans for which the runs of each task are counted


@dataclass
class Runs:
    """Sum up runs of one task in one queue that ended the same way. buckets: runs by the upper end of their bucket."""

    count: int = 0
    seconds: float = 0.0
    buckets: dict[str, int] = field(default_factory=dict)

    def add(self, seconds: float | None) -> None:
        """Count one run. seconds: None when the process was killed, so nobody knows."""
        self.count += 1
        if seconds is not None:
            self.seconds += seconds
            bound = bound_of(seconds)
            self.buckets[bound] = self.buckets.get(bound, 0) + 1

    def merge(self, other: "Runs") -> None:
        """Add the runs of another sum."""
        self.count += other.count
        self.seconds += other.seconds
        for bound, count in other.buckets.items():
            self.buckets[bound] = self.buckets.get(bound, 0) + count


@dataclass
class Slot:
    """Sum up the runs of one task in a span of time. Buckets are those of Runs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    buckets: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: str, seconds: float | None, waited: float | None) -> None:
        """Count one run. seconds, waited: None when nobody knows."""
        self.outcomes[outcome] += 1
        for times, counts in ((seconds, self.buckets), (waited, self.waits)):
            if times is not None:
                counts[bound_of(times)] += 1

    def merge(self, other: "Slot") -> None:
        """Add the runs of another sum."""
        self.outcomes.update(other.outcomes)
        self.buckets.update(other.buckets)
        self.waits.update(other.waits)


def bound_of(seconds: float) -> str:
    """Return the upper end of the bucket of a time."""
    return str(next((bound for bound in BOUNDS if seconds <= bound), OVERFLOW))


def _slot(minute: datetime, minutes: int) -> datetime:
    return minute.replace(minute=minute.minute // minutes * minutes)


def as_line(queue: str, task: str, outcome: str, seconds: float | None = None, waited: float | None = None) -> bytes:
    """Return the report of a run that ended, as PendingCounts.add() reads it."""
    return json.dumps([queue, task, outcome, seconds and round(seconds, 6), waited and round(waited, 3)]).encode()


def count_failure(queue: str, task: str) -> None:
    """Count a job that failed for good, and that no worker runs."""
    counts = PendingCounts()
    counts.add([as_line(queue, task, FAILED)])
    counts.write()


class PendingCounts:
    """Hold what this process has counted and not yet written to the database."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str, str], Runs] = defaultdict(Runs)  # by queue, task, outcome
        self.minutes: dict[tuple[datetime, str, str], int] = defaultdict(int)  # by minute, queue, outcome
        self.slots: dict[tuple[int, datetime, str, str], Slot] = defaultdict(Slot)  # by minutes, start, queue, task
        self._lock = threading.Lock()

    def add(self, lines: Iterable[bytes]) -> None:
        """Count the runs that these lines report."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        with self._lock:
            for line in lines:
                queue, task, outcome, seconds, waited = json.loads(line)
                self.runs[queue, task, outcome].add(seconds)
                self.minutes[minute, queue, outcome] += 1
                for minutes in SLOTS:
                    self.slots[minutes, _slot(minute, minutes), queue, task].add(outcome, seconds, waited)

    def write(self) -> None:
        """Add the counts to the tables and begin again at zero. On DatabaseError, keep them for the next time."""
        if not self.runs:
            return
        with self._lock:
            runs, self.runs = self.runs, defaultdict(Runs)
            minutes, self.minutes = self.minutes, defaultdict(int)
            slots, self.slots = self.slots, defaultdict(Slot)
        try:
            with atomic():
                # Sorted: two workers that lock the same rows never wait for each other in a circle.
                for run_key in sorted(runs):
                    _add_to_tally(*run_key, runs[run_key])
                for minute_key in sorted(minutes):
                    _add_to_minute(*minute_key, minutes[minute_key])
                for slot_key in sorted(slots):
                    _add_to_slot(*slot_key, slots[slot_key])
        except DatabaseError:
            with self._lock:
                for run_key, counted in runs.items():
                    self.runs[run_key].merge(counted)
                for minute_key, count in minutes.items():
                    self.minutes[minute_key] += count
                for slot_key, slot in slots.items():
                    self.slots[slot_key].merge(slot)
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


def _add_to_slot(minutes: int, start: datetime, queue: str, task: str, slot: Slot) -> None:
    row, _ = TaskSlot.objects.select_for_update().get_or_create(minutes=minutes, start=start, queue=queue, task=task)
    row.done += slot.outcomes["done"]
    row.failed += slot.outcomes["failed"]
    row.retried += slot.outcomes["retried"]
    row.buckets = dict(Counter(row.buckets) + slot.buckets)
    row.waits = dict(Counter(row.waits) + slot.waits)
    row.save()
