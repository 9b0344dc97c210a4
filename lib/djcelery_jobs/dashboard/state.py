"""What the jobs are doing: one look at broker and database, for the page, the metrics and `manage.py jobs health`.

Its cost does not depend on how many jobs there are: the broker tells the length of a queue, and every row is found by
an index. It does not fail when the broker is away, and waits a second for it at most.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import current_app
from celery.utils.imports import symbol_by_name
from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.models import UNFINISHED, Heartbeat, Job, Lease, MinuteTally
from djcelery_jobs.models import State as JobState

SECONDS = 0.9  # that the broker is waited for
RATE_OVER = 5  # minutes
HOUR = 60  # minutes
# Counting ends here, so that a heap of dead jobs does not make the page slow just when it is needed.
COUNTED = 10_000
SHOWN = 200  # workers, and entries of the schedule
RUNNING_SHOWN = 50  # running jobs
GONE = timedelta(hours=1)  # a worker that was not seen for so long is no longer shown


@dataclass(frozen=True)
class QueueState:
    """waiting: messages no worker has yet; None while the broker does not answer. oldest: seconds that the oldest of
    them waits, None when there is none or nobody knows. running: jobs in the hands of live workers. consumers: live
    workers that consume it. rate: runs that ended per minute. dead: dead jobs, COUNTED at most."""

    name: str
    waiting: int | None
    oldest: float | None
    running: int
    consumers: int
    rate: float
    dead: int


@dataclass(frozen=True)
class WorkerState:
    """alive: it was seen in the last STALE_AFTER seconds. consuming: it consumed all that it was started for."""

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
    id: str
    task: str
    queue: str
    worker: str
    started: datetime


@dataclass(frozen=True)
class Entry:
    """An entry of the schedule. schedule: in words. last, next: when it ran, and when it will."""

    name: str
    task: str
    schedule: str
    last: datetime | None
    next: datetime | None


@dataclass(frozen=True)
class BeatState:
    """alive: some beat holds the lock. holder: which. seen: when it renewed it last, None when nobody holds it."""

    alive: bool
    holder: str
    seen: datetime | None
    entries: list[Entry]


@dataclass(frozen=True)
class State:
    """broker: "ok", "down" or "no answer". running: the newest of the jobs that run, as workers told last. overdue:
    seconds that the next unfinished durable job is overdue for the relay."""

    at: datetime
    broker: str
    queues: list[QueueState]
    workers: list[WorkerState]
    beat: BeatState
    running: list[RunningJob] = field(default_factory=list)
    overdue: float = 0.0


@dataclass(frozen=True)
class Minute:
    """Runs that ended in the minute that began at `at`."""

    at: datetime
    done: int = 0
    failed: int = 0
    retried: int = 0


def state() -> State:
    """As it is now. Raises DatabaseError without a database, and nothing without a broker."""
    asked, deadline = queue_lengths.shared_fetch.start(), time.monotonic() + SECONDS
    beats = list(_heartbeats())
    rates, beat = _rates(), _beat()
    dead = {name: _bounded_count(Job.objects.filter(state=JobState.DEAD, queue=name)) for name in settings.WORKLOADS}
    durable = {name: _oldest_row(name) for name in settings.WORKLOADS}
    broker, waiting = "ok", {}
    try:
        waiting = asked.result(timeout=max(0, deadline - time.monotonic()))
    except TooSlow:
        broker = "no answer"
    except Exception:  # noqa: BLE001  whatever it is, it is down; what it says may hold a password
        broker = "down"
    live = [each for each in beats if each.alive]
    return State(
        at=timezone.now(),
        broker=broker,
        queues=[_queue(name, waiting.get(name), durable[name], live, rates[name], dead[name]) for name in dead],
        workers=[_worker(each) for each in beats],
        beat=beat,
        running=_running(live),
        overdue=_overdue(),
    )


def last_hour() -> dict[str, list[Minute]]:
    """For each declared queue the last 60 minutes, the oldest first; the last one has only begun."""
    now = timezone.now().replace(second=0, microsecond=0)
    minutes = [now - timedelta(minutes=ago) for ago in reversed(range(HOUR))]
    counted = {(row.queue, row.minute): row for row in MinuteTally.objects.filter(minute__gte=minutes[0])}
    return {name: [_minute(at, counted.get((name, at))) for at in minutes] for name in settings.WORKLOADS}


def _minute(at: datetime, row: MinuteTally | None) -> Minute:
    return Minute(at, row.done, row.failed, row.retried) if row else Minute(at)


def _heartbeats() -> QuerySet[Heartbeat]:
    """Also of workers that went away lately. By the clock of the database, as they were written."""
    seen = Heartbeat.objects.filter(seen_at__gt=Now() - GONE).order_by("worker")
    return seen.annotate(alive=Q(seen_at__gt=Now() - timedelta(seconds=jobs_settings.STALE_AFTER)))[:SHOWN]


def _bounded_count(rows: QuerySet[Any]) -> int:
    return rows[:COUNTED].count()


def _oldest_row(queue: str) -> float | None:
    """Since when the oldest durable job waits that no worker has begun."""
    waiting = Job.objects.filter(queue=queue, state=JobState.WAITING, started_at__isnull=True)
    since = waiting.order_by("waiting_since").values_list("waiting_since", flat=True).first()
    return since.timestamp() if since else None


def _overdue() -> float:
    due = Job.objects.filter(state__in=UNFINISHED).order_by("publish_at").values_list("publish_at", flat=True).first()
    return max(0.0, (timezone.now() - due).total_seconds()) if due else 0.0


def _rates() -> dict[str, float]:
    lately = MinuteTally.objects.filter(minute__gt=timezone.now() - timedelta(minutes=RATE_OVER))
    ended = lately.values("queue").annotate(runs=Sum("done") + Sum("failed"))
    return defaultdict(float, {row["queue"]: row["runs"] / RATE_OVER for row in ended})


def _queue(name: str, waiting: Any, durable: float | None, live: list[Heartbeat], rate: float, dead: int) -> QueueState:
    running = Counter(job["queue"] for each in live for job in each.jobs if len(each.queues) > 1)
    running += Counter({name: sum(each.running for each in live if each.queues == [name])})
    since = [durable, waiting and (waiting.since or _fetched_before(waiting.messages, name, live))]
    oldest = min((at for at in since if at), default=None)
    return QueueState(
        name=name,
        waiting=waiting and waiting.messages,
        oldest=None if oldest is None else max(0.0, time.time() - oldest),
        running=running[name],
        consumers=sum(each.consuming and name in each.queues for each in live),
        rate=rate,
        dead=dead,
    )


def _fetched_before(messages: int, queue: str, live: list[Heartbeat]) -> float | None:
    """Where the broker shows no message (RabbitMQ): queues are in order, so what waits is younger than what was
    fetched last. The age is that at most."""
    return max((each.fetched[queue] for each in live if messages and queue in each.fetched), default=None)


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


def _beat() -> BeatState:
    lease = Lease.objects.filter(name="beat").annotate(holds=Q(expires_at__gt=Now())).first()
    scheduler = symbol_by_name(current_app.conf.beat_scheduler)
    entries = [_entry(*planned) for planned in scheduler.planned(current_app, SHOWN)]
    if lease is None:
        return BeatState(alive=False, holder="", seen=None, entries=entries)
    seen = lease.expires_at - timedelta(seconds=jobs_settings.BEAT_LEASE)
    return BeatState(alive=bool(lease.holds), holder=lease.holder, seen=seen, entries=entries)


def _entry(name: str, task: str, schedule: Any, last: datetime | None) -> Entry:
    remaining = max(schedule.remaining_estimate(last or schedule.now()), timedelta(0))
    following = (timezone.now() + remaining + timedelta(seconds=0.5)).replace(microsecond=0)
    return Entry(name, task, str(schedule).strip("<>"), last, following)
