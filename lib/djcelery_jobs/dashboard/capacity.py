"""Compute how many processes each workload class needs from the rate and the duration of its jobs.

The model is Erlang's: jobs arrive independently of each other, their durations follow an exponential distribution, and
each process runs one job at a time. If most jobs take about the same time, real waits are shorter. If a few take very
much longer than the rest, waits are longer: give those a class of their own.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.db.models import Avg, Count, F, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from djcelery_jobs.models import UNFINISHED, Job, MinuteTally, Tally

HOUR = 3600  # seconds
SHARE = 0.95  # of the jobs begin within the wait


class NotMeasuredError(Exception):
    """Say that there is no measurement to plan from, and what to do."""


@dataclass(frozen=True)
class Load:
    """Describe the work of a class. rate: jobs per second. seconds: how long one takes on average."""

    rate: float
    seconds: float

    @property
    def busy(self) -> float:
        """Return how many processes the load keeps busy on average, by Little's law."""
        return self.rate * self.seconds


def probability_of_waiting(processes: int, busy: float) -> float:
    """Return the probability that a job finds all processes busy (Erlang C), which is 1 for too few processes."""
    if processes <= busy:
        return 1.0
    # Erlang B, one more process in each round. The closed form has factorials that no float can hold.
    blocked = 1.0
    for count in range(1, processes + 1):
        blocked = busy * blocked / (count + busy * blocked)
    return blocked / (1 - busy / processes * (1 - blocked))


def wait_time(processes: int, load: Load) -> float:
    """Return the seconds within which SHARE of the jobs begin: infinite for too few processes."""
    if processes <= load.busy:
        return math.inf
    waiting = probability_of_waiting(processes, load.busy)
    if waiting <= 1 - SHARE:
        return 0.0
    return load.seconds / (processes - load.busy) * math.log(waiting / (1 - SHARE))


def processes_needed(load: Load, longest_wait: float) -> int:
    """Return the fewest processes with which SHARE of the jobs begin within `longest_wait` seconds."""
    processes = math.floor(load.busy) + 1
    while wait_time(processes, load) > longest_wait:
        processes += 1
    return processes


def measure_loads(hours: int) -> dict[str, Load]:
    """Return the load of each queue in its busiest hour among the last `hours`.

    There are two sources, of which the busier one counts: the rows of durable jobs, which are kept for days, and the
    tallies, which count every run of every task but only for the last few hours.
    """
    since = timezone.now() - timedelta(hours=hours)
    busiest: dict[str, Load] = {}
    for queue, load in chain(_from_rows(since), _from_tallies(since)):
        if queue not in busiest or load.busy > busiest[queue].busy:
            busiest[queue] = load
    return busiest


def _from_rows(since: datetime) -> Iterator[tuple[str, Load]]:
    # The condition is that of the index of finished jobs, so that only these rows are read.
    ended = Job.objects.exclude(state__in=UNFINISHED).filter(finished_at__gte=since, started_at__isnull=False)
    by_hour = ended.values("queue", hour=TruncHour("finished_at"))
    for row in by_hour.annotate(jobs=Count("pk"), took=Avg(F("finished_at") - F("started_at"))):
        yield row["queue"], Load(row["jobs"] / HOUR, row["took"].total_seconds())


def _from_tallies(since: datetime) -> Iterator[tuple[str, Load]]:
    by_queue = Tally.objects.values("queue").annotate(took=Sum("seconds") / Sum("count"))
    took = dict(by_queue.filter(count__gt=0).values_list("queue", "took"))
    by_hour = MinuteTally.objects.filter(minute__gte=since).values("queue", hour=TruncHour("minute"))
    for row in by_hour.annotate(jobs=Sum(F("done") + F("failed") + F("retried"))):
        if row["queue"] in took:
            yield row["queue"], Load(row["jobs"] / HOUR, took[row["queue"]])


def with_rates(loads: dict[str, Load], rates: Iterable[str]) -> dict[str, Load]:
    """Return the loads with other rates, each written CLASS=JOBS_PER_SECOND. The durations stay.

    Raise NotMeasuredError for a class without a measured duration.
    """
    changed = dict(loads)
    for text in rates:
        name, _, number = text.partition("=")
        if not number.replace(".", "", 1).isdigit():
            raise NotMeasuredError(f"Invalid rate: {text!r}. Write CLASS=JOBS_PER_SECOND, for example fast=20.")
        if name not in loads:
            known = ", ".join(loads) or "none"
            raise NotMeasuredError(
                f"No job of the class {name!r} ended in this time. Classes with jobs: {known}. Raise --hours."
            )
        changed[name] = replace(loads[name], rate=float(number))
    return changed


def table(loads: dict[str, Load], longest_wait: float) -> Iterator[str]:
    """Yield a line for each class: its load, the wait with one worker, and the processes that it needs."""
    yield "Busiest hour of each class. `wait`: 95% of the jobs start within this time, with one worker as declared."
    yield f"{'class':10} {'jobs/s':>8} {'seconds':>8} {'busy':>7} {'processes':>10} {'wait':>8} {'needed':>7}"
    for name, workload in settings.WORKLOADS.items():
        if load := loads.get(name):
            now = wait_time(workload.concurrency, load)
            yield (
                f"{name:10} {load.rate:8.2f} {load.seconds:8.2f} {load.busy:7.1f} {workload.concurrency:10} "
                f"{'grows' if math.isinf(now) else f'{now:.1f} s':>8} {processes_needed(load, longest_wait):7}"
            )
        else:
            yield f"{name:10} no jobs ended in this time"
    yield f"`needed`: processes with which 95% of the jobs start within {longest_wait:g} s. Start more workers with"
    yield "`manage.py worker NAME`, or raise `concurrency` in WORKLOADS."
