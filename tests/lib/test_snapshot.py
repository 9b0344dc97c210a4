"""Test the snapshot of queues, workers and schedule."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.core import dead_letters
from djcelery_jobs.core.relay import relay
from djcelery_jobs.dashboard import snapshot
from djcelery_jobs.dashboard.snapshot import take_snapshot
from djcelery_jobs.models import Heartbeat, Job, Lease, MinuteTally
from djcelery_jobs.models import State as JobState
from djcelery_jobs.tasks import prune

pytestmark = pytest.mark.django_db


def queue(name: str) -> snapshot.QueueState:
    return next(each for each in take_snapshot().queues if each.name == name)


def worker(name: str = "slow-1@host", seconds_ago: float = 1, **facts) -> Heartbeat:
    facts = {"queues": ["slow"], "consuming": True, "started_at": timezone.now(), **facts}
    return Heartbeat.objects.create(worker=name, seen_at=Now() - timedelta(seconds=seconds_ago), **facts)


def waiting_row(minutes: int, **fields) -> Job:
    now = timezone.now()
    since = {"publish_at": now, "waiting_since": now - timedelta(minutes=minutes)}
    return Job.objects.create(task="some.task", queue="slow", **(since | fields))


def test_every_declared_queue_is_there(broker):
    prune.delay()

    found = take_snapshot()

    assert [each.name for each in found.queues] == list(settings.WORKLOADS)
    assert found.broker == "ok"
    assert (queue("slow").waiting, queue("fast").waiting) == (1, 0)


@pytest.mark.parametrize(("hangs", "word"), [(False, "down"), (True, "no answer")])
def test_a_broker_that_is_away_is_said_and_not_waited_for(monkeypatch, hangs, word):
    over = threading.Event()

    def ask():
        if hangs:
            over.wait(10)
        raise ConnectionError("amqp://user:password@host")

    monkeypatch.setattr(queue_lengths, "shared_fetch", SingleFlight(ask))
    monkeypatch.setattr(snapshot, "SECONDS", 0.2)
    waiting_row(minutes=3)

    found = take_snapshot()
    over.set()

    assert found.broker == word
    assert {each.waiting for each in found.queues} == {None}
    assert [each.oldest > 170 for each in found.queues if each.name == "slow"] == [True]  # the database still knows


def test_the_oldest_durable_job_that_no_worker_has_begun(broker):
    waiting_row(minutes=9, started_at=timezone.now())
    waiting_row(minutes=8, state=JobState.DONE)
    waiting_row(minutes=7, state=JobState.DELAYED)
    waiting_row(minutes=5)

    assert 299 < queue("slow").oldest < 330


def test_a_delayed_job_waits_from_when_it_was_due(broker, task):
    def work() -> None:
        """Do nothing: it never runs."""

    job = waiting_row(minutes=60, state=JobState.DELAYED, waiting_since=None)
    Job.objects.update(task=task(work).name, created_at=timezone.now() - timedelta(hours=1))
    relay()

    job.refresh_from_db()
    assert job.state == JobState.WAITING
    assert queue("slow").oldest < 60


def test_the_oldest_plain_message_of_a_broker_that_shows_none(broker):
    # It is younger than the one that a worker fetched last.
    prune.delay()
    assert queue("slow").oldest is None

    worker(fetched={"slow": timezone.now().timestamp() - 40})
    assert 39 < queue("slow").oldest < 60


def test_who_consumes(broker):
    worker("slow-1@host")
    worker("slow-2@host", queues=["slow", "fast"])
    worker("slow-3@host", consuming=False)
    worker("slow-4@host", seconds_ago=31)
    worker("slow-5@host", seconds_ago=7200)

    found = take_snapshot()

    assert (queue("slow").consumers, queue("fast").consumers, queue("email").consumers) == (2, 1, 0)
    alive = {each.name[:6]: (each.alive, each.consuming) for each in found.workers}
    assert alive == {
        "slow-1": (True, True), "slow-2": (True, True), "slow-3": (True, False), "slow-4": (False, True),
    }  # fmt: skip


def test_what_runs(broker):
    jobs = [
        {"id": str(n), "task": "djcelery_jobs.tasks.prune", "queue": "slow", "started": 1000.0 + n} for n in range(60)
    ]
    worker(running=61, jobs=[*jobs, {"id": "x", "task": "t", "queue": "slow", "started": None}])
    worker("both-1@host", queues=["fast", "slow"], running=1, jobs=[{**jobs[0], "queue": "fast", "started": 1.0}])
    worker("gone@host", seconds_ago=60, jobs=jobs)

    found = take_snapshot()

    assert (queue("slow").running, queue("fast").running) == (61, 1)
    assert [job.id for job in found.running] == [str(n) for n in range(59, 9, -1)]


def test_the_rate_of_the_last_minutes(broker):
    now = timezone.now().replace(second=0, microsecond=0)
    MinuteTally.objects.create(minute=now, queue="slow", done=10, failed=5, retried=90)
    MinuteTally.objects.create(minute=now - timedelta(minutes=6), queue="slow", done=1000)

    assert queue("slow").rate == 3


def test_the_last_hour_has_a_point_for_each_minute(monkeypatch):
    now = timezone.now().replace(second=0, microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: now)
    MinuteTally.objects.create(minute=now, queue="slow", done=3, failed=1, retried=2)
    MinuteTally.objects.create(minute=now - timedelta(minutes=60), queue="slow", done=1000)

    hour = snapshot.last_hour()

    assert {len(minutes) for minutes in hour.values()} == {60}
    assert hour["slow"][-1] == snapshot.Minute(now, 3, 1, 2)
    assert sum(minute.done for minute in hour["slow"]) == 3


def test_dead_jobs_are_counted_up_to_a_bound(broker, monkeypatch):
    monkeypatch.setattr(snapshot, "COUNTED", 2)
    for n in range(3):
        dead_letters.keep("djcelery_jobs.tasks.prune", str(n), [], {}, "ValueError", queue="slow")

    assert (queue("slow").dead, queue("fast").dead) == (2, 0)


def test_beat(broker):
    assert (take_snapshot().beat.alive, take_snapshot().beat.seen) == (False, None)

    Lease.objects.create(name="beat", holder="host:1", expires_at=Now() + timedelta(seconds=9))
    assert (take_snapshot().beat.alive, take_snapshot().beat.holder) == (True, "host:1")

    Lease.objects.update(expires_at=Now() - timedelta(seconds=9))
    assert take_snapshot().beat.alive is False


def test_it_asks_as_often_whatever_there_is(broker):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            take_snapshot()
        return len(captured)

    empty = queries()
    for n in range(20):
        waiting_row(minutes=n)
        worker(f"slow-{n}@host")
        dead_letters.keep("djcelery_jobs.tasks.prune", str(n), [], {}, "ValueError")

    assert queries() == empty
