"""How many processes each class of work needs, from what its jobs took and how often they came.

The model is Erlang's: jobs come independently of each other, their lengths spread as an exponential distribution, and
each process runs one job at a time. Where most jobs are of one length, real waits are shorter than it says. Where a few
are very much longer than the rest, they are longer: such jobs belong into a class of their own.
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
SHARE = 0.95  # of the jobs begin within the wait that is named


class NotMeasuredError(Exception):
    """There is nothing to plan from. The text says what to do."""


@dataclass(frozen=True)
class Load:
    """rate: jobs in a second. seconds: how long one takes on average."""

    rate: float
    seconds: float

    @property
    def busy(self) -> float:
        """How many processes it keeps busy on average, by Little's law."""
        return self.rate * self.seconds


def chance_to_wait(processes: int, busy: float) -> float:
    """Erlang C: the chance that a job finds all processes busy; 1 when they are too few."""
    if processes <= busy:
        return 1.0
    # Erlang B, one process more at a time; the closed form has factorials that no float can hold.
    turned_away = 1.0
    for count in range(1, processes + 1):
        turned_away = busy * turned_away / (count + busy * turned_away)
    return turned_away / (1 - busy / processes * (1 - turned_away))


def wait(processes: int, load: Load) -> float:
    """Seconds within which SHARE of the jobs begin; infinite when the processes are too few."""
    if processes <= load.busy:
        return math.inf
    waiting = chance_to_wait(processes, load.busy)
    if waiting <= 1 - SHARE:
        return 0.0
    return load.seconds / (processes - load.busy) * math.log(waiting / (1 - SHARE))


def needed(load: Load, longest_wait: float) -> int:
    """The fewest processes with which SHARE of the jobs begin within so many seconds."""
    processes = math.floor(load.busy) + 1
    while wait(processes, load) > longest_wait:
        processes += 1
    return processes


def measured(hours: int) -> dict[str, Load]:
    """The busiest hour of each queue among the last ones.

    Two sources, of which the busier counts: the rows of durable jobs, which go back for days, and the tallies, which
    know every run of every task but only the last few hours.
    """
    since = timezone.now() - timedelta(hours=hours)
    busiest: dict[str, Load] = {}
    for queue, load in chain(_from_rows(since), _from_tallies(since)):
        if queue not in busiest or load.busy > busiest[queue].busy:
            busiest[queue] = load
    return busiest


def _from_rows(since: datetime) -> Iterator[tuple[str, Load]]:
    # As the index of finished jobs says it, so that only these rows are read.
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


def suppose(loads: dict[str, Load], rates: Iterable[str]) -> dict[str, Load]:
    """The same with other rates, each given as CLASS=JOBS_PER_SECOND; a job takes what it took.

    Raises NotMeasuredError where there is nothing to start from.
    """
    supposed = dict(loads)
    for text in rates:
        name, _, number = text.partition("=")
        if not number.replace(".", "", 1).isdigit():
            raise NotMeasuredError(f"{text} is no rate. Write CLASS=JOBS_PER_SECOND, for example fast=20.")
        if name not in loads:
            known = ", ".join(loads) or "no class"
            raise NotMeasuredError(f"No job of {name} was measured, only of {known}. Look back further with --hours.")
        supposed[name] = replace(loads[name], rate=float(number))
    return supposed


def table(loads: dict[str, Load], longest_wait: float) -> Iterator[str]:
    """One line for each class: its load, how long its jobs wait for one worker, and the processes that it needs."""
    yield "In each class's busiest hour; `wait` is that of all but the longest 5% with one worker as it is declared."
    yield f"{'class':10} {'jobs/s':>8} {'seconds':>8} {'busy':>7} {'processes':>10} {'wait':>8} {'needed':>7}"
    for name, workload in settings.WORKLOADS.items():
        if load := loads.get(name):
            now = wait(workload.concurrency, load)
            yield (
                f"{name:10} {load.rate:8.2f} {load.seconds:8.2f} {load.busy:7.1f} {workload.concurrency:10} "
                f"{'grows' if math.isinf(now) else f'{now:.1f} s':>8} {needed(load, longest_wait):7}"
            )
        else:
            yield f"{name:10} no job ended in this time"
    yield f"`needed`: processes with which no more than 5% wait longer than {longest_wait:g} s. Several workers may"
    yield "share them: start `manage.py worker NAME` more often, or raise `concurrency` in settings/jobs.py."
