"""Take a snapshot of queues, workers and schedule for the jobs page, the metrics and `manage.py jobs health`.

Its cost does not depend on the number of jobs: the broker counts its queues, and every row is found by an index. It
waits a second for the broker at most, and does not fail without one.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError as TooSlow
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from celery import current_app
from celery.utils.imports import symbol_by_name
from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from djcelery_jobs.beat.scheduler import Planned
from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.dashboard.schedule_words import describe_schedule
from djcelery_jobs.dashboard.wording import COUNTED
from djcelery_jobs.models import UNFINISHED, Heartbeat, Job, Lease, MinuteTally, Pause, PauseKind, State, TaskSlot

SECONDS = 0.9  # to wait for the broker
RATE_OVER = 5  # minutes
HOUR = 60  # minutes
SHOWN = 200  # workers, and schedule entries
RUNNING_SHOWN = 50  # running jobs
GONE = timedelta(hours=1)  # after so long without a heartbeat, a worker is no longer shown


@dataclass(frozen=True)
class QueueState:
    """Describe a queue.

    waiting: messages that no worker has fetched; None while the broker does not answer.
    oldest: seconds that the oldest of them has waited; None when nothing waits or nobody knows.
    running: jobs that live workers run. consumers: live workers that consume it.
    rate: runs that ended per minute. dead: dead jobs, COUNTED at most.
    paused: nothing of it starts until it is resumed.
    """

    name: str
    waiting: int | None
    oldest: float | None
    running: int
    consumers: int
    rate: float
    dead: int
    paused: bool = False


@dataclass(frozen=True)
class WorkerState:
    """Describe a worker.

    alive: its last heartbeat is younger than STALE_AFTER. consuming: it consumes all queues that it was started for.
    """

    name: str
    queues: list[str]
    concurrency: int
    running: int
    seen: datetime
    alive: bool
    consuming: bool
    started: datetime


@dataclass(frozen=True)
class RunningJob:
    """Describe a job that a worker runs."""

    id: str
    task: str
    queue: str
    worker: str
    started: datetime


@dataclass(frozen=True)
class ScheduledEntry:
    """Describe an entry of the schedule.

    schedule: in words. last: its last run, None when there was none.
    next: its next run, None when it can never run. later: the runs after that, as many as take_snapshot() computes.
    paused: its runs are left out until it is resumed.
    overdue: seconds since it was due. ahead: seconds by which its last run is ahead of the database's clock.
    """

    name: str
    task: str
    schedule: str
    last: datetime | None
    next: datetime | None
    paused: bool = False
    overdue: float = 0.0
    ahead: float = 0.0
    later: list[datetime] = field(default_factory=list)


@dataclass(frozen=True)
class BeatState:
    """Describe beat.

    alive: a beat holds the lock. holder: which one. seen: when it last renewed the lock, None when nobody holds it.
    """

    alive: bool
    holder: str
    seen: datetime | None
    entries: list[ScheduledEntry]


@dataclass(frozen=True)
class Snapshot:
    """Describe everything at one moment.

    broker: "ok", "down" or "no answer". running: the newest running jobs, by the workers' last heartbeats.
    overdue: seconds that the next unfinished durable job is overdue for the relay. paused_tasks: by name.
    """

    at: datetime
    broker: str
    queues: list[QueueState]
    workers: list[WorkerState]
    beat: BeatState
    running: list[RunningJob] = field(default_factory=list)
    overdue: float = 0.0
    paused_tasks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Minute:
    """Count the runs that ended in the minute that began at `at`."""

    at: datetime
    done: int = 0
    failed: int = 0
    retried: int = 0


def take_snapshot(*, runs: int = 1) -> Snapshot:
    """Return the present state. Raise DatabaseError without a database, and nothing without a broker.

    runs: how many of the next runs of each schedule entry are computed.
    """
    lengths, deadline = queue_lengths.shared_fetch.start(), time.monotonic() + SECONDS
    heartbeats = list(_heartbeats())
    pauses = set(Pause.objects.values_list("kind", "name"))
    rates, beat = _rates(), _beat({name for kind, name in pauses if kind == PauseKind.ENTRY}, runs)
    dead = {name: _bounded_count(Job.objects.filter(state=State.DEAD, queue=name)) for name in settings.WORKLOADS}
    durable = {name: _oldest_row(name) for name in settings.WORKLOADS}
    broker, waiting = "ok", {}
    try:
        waiting = lengths.result(timeout=max(0, deadline - time.monotonic()))
    except TooSlow:
        broker = "no answer"
    except Exception:  # noqa: BLE001  whatever it is, the broker is down; its text may hold a password
        broker = "down"
    live = [heartbeat for heartbeat in heartbeats if heartbeat.alive]
    return Snapshot(
        at=timezone.now(),
        broker=broker,
        queues=[
            replace(
                _queue(name, waiting.get(name), durable[name], live, rates[name], dead[name]),
                paused=(PauseKind.QUEUE, name) in pauses,
            )
            for name in dead
        ],
        workers=[_worker(heartbeat) for heartbeat in heartbeats],
        beat=beat,
        running=_running(live),
        overdue=_overdue(),
        paused_tasks=sorted(name for kind, name in pauses if kind == PauseKind.TASK),
    )


def last_hour() -> dict[str, list[Minute]]:
    """Return the last 60 minutes of each declared queue, the oldest first. The last minute is not over yet."""
    now = timezone.now().replace(second=0, microsecond=0)
    minutes = [now - timedelta(minutes=ago) for ago in reversed(range(HOUR))]
    counted = {(row.queue, row.minute): row for row in MinuteTally.objects.filter(minute__gte=minutes[0])}
    return {name: [_minute(at, counted.get((name, at))) for at in minutes] for name in settings.WORKLOADS}


def last_hours(hours: int) -> dict[str, list[Minute]]:
    """Return the last hours of each declared queue, the oldest first. The last hour is not over yet."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    starts = [now - timedelta(hours=ago) for ago in reversed(range(hours))]
    slots = TaskSlot.objects.filter(minutes=60, start__gte=starts[0]).values("queue", "start")
    sums = slots.annotate(all_done=Sum("done"), all_failed=Sum("failed"), all_retried=Sum("retried"))
    counted = {(row["queue"], row["start"]): row for row in sums}
    return {name: [_hour(at, counted.get((name, at))) for at in starts] for name in settings.WORKLOADS}


def _hour(at: datetime, row: dict[str, Any] | None) -> Minute:
    return Minute(at, row["all_done"], row["all_failed"], row["all_retried"]) if row else Minute(at)


def _minute(at: datetime, row: MinuteTally | None) -> Minute:
    return Minute(at, row.done, row.failed, row.retried) if row else Minute(at)


def _heartbeats() -> QuerySet[Heartbeat]:
    """Return those of the last hour, with `alive` by the database's clock, which also wrote them."""
    seen = Heartbeat.objects.filter(seen_at__gt=Now() - GONE).order_by("worker")
    return seen.annotate(alive=Q(seen_at__gt=Now() - timedelta(seconds=jobs_settings.STALE_AFTER)))[:SHOWN]


def _bounded_count(rows: QuerySet[Any]) -> int:
    return rows[:COUNTED].count()


def _oldest_row(queue: str) -> float | None:
    """Return since when the oldest durable job waits that no worker has begun."""
    waiting = Job.objects.filter(queue=queue, state=State.WAITING, started_at__isnull=True, held=False)
    since = waiting.order_by("waiting_since").values_list("waiting_since", flat=True).first()
    return since.timestamp() if since else None


def _overdue() -> float:
    due = (
        Job.objects.filter(state__in=UNFINISHED, held=False)
        .order_by("publish_at")
        .values_list("publish_at", flat=True)
        .first()
    )
    return max(0.0, (timezone.now() - due).total_seconds()) if due else 0.0


def _rates() -> dict[str, float]:
    lately = MinuteTally.objects.filter(minute__gt=timezone.now() - timedelta(minutes=RATE_OVER))
    ended = lately.values("queue").annotate(runs=Sum("done") + Sum("failed"))
    return defaultdict(float, {row["queue"]: row["runs"] / RATE_OVER for row in ended})


def _queue(name: str, waiting: Any, durable: float | None, live: list[Heartbeat], rate: float, dead: int) -> QueueState:
    # A heartbeat lists only some of the running jobs. Where a worker has one queue, their number says more.
    running = Counter(job["queue"] for heartbeat in live for job in heartbeat.jobs if len(heartbeat.queues) > 1)
    running += Counter({name: sum(heartbeat.running for heartbeat in live if heartbeat.queues == [name])})
    waits_since = [durable, waiting and (waiting.since or _fetched_before(waiting.messages, name, live))]
    oldest = min((moment for moment in waits_since if moment), default=None)
    return QueueState(
        name=name,
        waiting=waiting and waiting.messages,
        oldest=None if oldest is None else max(0.0, time.time() - oldest),
        running=running[name],
        consumers=sum(heartbeat.consuming and name in heartbeat.queues for heartbeat in live),
        rate=rate,
        dead=dead,
    )


def _fetched_before(messages: int, queue: str, live: list[Heartbeat]) -> float | None:
    """Return since when the message waited that was fetched last, for a broker that shows no message (RabbitMQ).

    Queues are in order, so whatever still waits is younger: this is the age at most.
    """
    fetched = [heartbeat.fetched[queue] for heartbeat in live if messages and queue in heartbeat.fetched]
    return max(fetched, default=None)


def _worker(row: Heartbeat) -> WorkerState:
    return WorkerState(
        name=row.worker,
        queues=row.queues,
        concurrency=row.concurrency,
        running=row.running,
        seen=row.seen_at,
        alive=bool(row.alive),
        consuming=row.consuming,
        started=row.started_at,
    )


def _running(live: Iterable[Heartbeat]) -> list[RunningJob]:
    jobs = [
        RunningJob(job["id"], job["task"], job["queue"], row.worker, datetime.fromtimestamp(job["started"], UTC))
        for row in live
        for job in row.jobs
        if job["started"]
    ]
    return sorted(jobs, key=lambda job: job.started, reverse=True)[:RUNNING_SHOWN]


def _beat(paused: set[str], runs: int) -> BeatState:
    lease = Lease.objects.filter(name="beat").annotate(holds=Q(expires_at__gt=Now()), now=Now()).first()
    scheduler = symbol_by_name(current_app.conf.beat_scheduler)
    now = lease.now if lease else timezone.now()
    planned_entries = scheduler.planned(current_app, SHOWN)
    entries = [_entry(planned, now, runs, paused=planned.name in paused) for planned in planned_entries]
    if lease is None:
        return BeatState(alive=False, holder="", seen=None, entries=entries)
    seen = lease.expires_at - timedelta(seconds=jobs_settings.BEAT_LEASE)
    return BeatState(alive=bool(lease.holds), holder=lease.holder, seen=seen, entries=entries)


def _entry(planned: Planned, now: datetime, runs: int, *, paused: bool) -> ScheduledEntry:
    words = "no valid schedule" if planned.schedule is None else describe_schedule(planned.schedule)
    remaining = _time_until_due(planned)
    first = None if remaining is None else _after(remaining)
    ahead = (planned.counted_from - now).total_seconds() if planned.counted_from else 0.0
    return ScheduledEntry(
        name=planned.name,
        task=planned.task,
        schedule=words,
        last=planned.last_run,
        next=first,
        paused=paused,
        overdue=0.0 if remaining is None else max(0.0, -remaining.total_seconds()),
        ahead=max(0.0, ahead),
        later=list(islice(_runs_after(planned.schedule, first), runs - 1)) if first else [],
    )


def _runs_after(schedule: Any, run: datetime) -> Iterator[datetime]:
    """Yield the runs after one, as if each were on time."""
    while True:
        then = copy(schedule)
        then.nowfun = lambda run=run: run
        try:
            following = run + then.remaining_estimate(run)
        except Exception:  # noqa: BLE001  each kind of schedule has its own way to fail
            return
        if following <= run:  # it runs once
            return
        yield (run := following)


def _time_until_due(planned: Planned) -> timedelta | None:
    """Return the time until the entry runs next, negative when that is past.

    None: never, such as on 31 February, which a person can enter in the admin.
    """
    if planned.schedule is None:
        return None
    try:
        remaining: timedelta = planned.schedule.remaining_estimate(planned.counted_from or planned.schedule.now())
        _after(remaining)
    except Exception:  # noqa: BLE001  each kind of schedule has its own way to fail
        return None
    return remaining


def _after(remaining: timedelta) -> datetime:
    return (timezone.now() + max(remaining, timedelta(0)) + timedelta(seconds=0.5)).replace(microsecond=0)
