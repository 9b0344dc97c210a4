"""Report what each task did in the last hour, day or week, from counts whose number does not grow with the jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from djcelery_jobs.core.run_counts import BOUNDS, OVERFLOW
from djcelery_jobs.models import TaskSlot

# By name: how long, and the spans that are added up.
PERIODS = {"hour": (timedelta(hours=1), 10), "day": (timedelta(days=1), 60), "week": (timedelta(days=7), 60)}
SHOWN = 500  # tasks


@dataclass
class TaskLine:
    """Sum up one task in one queue. buckets, waits: runs by the upper end of their bucket."""

    task: str
    queue: str
    hours: float
    done: int = 0
    failed: int = 0
    retried: int = 0
    buckets: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)

    @property
    def runs(self) -> int:
        """Return how many runs ended for good."""
        return self.done + self.failed

    @property
    def per_minute(self) -> float:
        """Return the runs that ended for good in a minute, on average."""
        return self.runs / self.hours / 60

    @property
    def failure_rate(self) -> float:
        """Return the share of these that failed, in percent."""
        return 100 * self.failed / self.runs if self.runs else 0.0

    @property
    def durations(self) -> list[float | None]:
        """Return p50, p95 and p99 of the seconds that a run took."""
        return [quantile(self.buckets, share) for share in (0.5, 0.95, 0.99)]

    @property
    def waiting(self) -> list[float | None]:
        """Return p50 and p95 of the seconds that a job waited for a worker."""
        return [quantile(self.waits, share) for share in (0.5, 0.95)]


def report(period: str) -> list[TaskLine]:
    """Return a line for each task that had a run in the period, the busiest first."""
    length, minutes = PERIODS[period]
    hours = length.total_seconds() / 3600
    lines: dict[tuple[str, str], TaskLine] = {}
    since = timezone.now() - length
    for slot in TaskSlot.objects.filter(minutes=minutes, start__gt=since).iterator():
        line = lines.setdefault((slot.task, slot.queue), TaskLine(slot.task, slot.queue, hours))
        line.done += slot.done
        line.failed += slot.failed
        line.retried += slot.retried
        line.buckets.update(slot.buckets)
        line.waits.update(slot.waits)
    return sorted(lines.values(), key=lambda line: (-line.runs, line.task))[:SHOWN]


def quantile(buckets: Counter[str], share: float) -> float | None:
    """Return the time below which that share of the runs lies, as far as buckets tell. None: there is no run.

    Within a bucket, runs are taken to be spread evenly. What is beyond the last bound counts as that bound.
    """
    wanted, lower = share * sum(buckets.values()), 0.0
    if not wanted:
        return None
    seen = 0.0
    for bound in BOUNDS:
        count = buckets.get(str(bound), 0)
        if count and seen + count >= wanted:
            return lower + (bound - lower) * (wanted - seen) / count
        seen, lower = seen + count, bound
    return BOUNDS[-1] if buckets.get(OVERFLOW) else lower
