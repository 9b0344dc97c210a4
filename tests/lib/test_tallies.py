"""Counting runs."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from celery import Task
from django.db import DatabaseError

from djcelery_jobs.models import MinuteTally, Tally
from djcelery_jobs.worker import tallies
from djcelery_jobs.worker.tallies import CountPipe, PendingCounts

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(monkeypatch) -> PendingCounts:
    """Return a worker's book, and its open line. All that a test counts is of one minute."""
    now = datetime.now(UTC)
    monkeypatch.setattr(tallies, "datetime", SimpleNamespace(now=lambda zone: now))
    monkeypatch.setattr(tallies, "pipe", CountPipe())
    tallies.pipe.open()
    return PendingCounts()


def counted() -> dict[tuple[str, str, str], int]:
    return {(row.queue, row.task, row.outcome): row.count for row in Tally.objects.all()}


def read_and_write(book: PendingCounts) -> None:
    book.add(tallies.pipe.read(seconds=0))
    book.write()


def test_runs_are_counted_by_how_they_ended(book, broker, task):
    def flaky(how: str) -> None:
        if how == "retried" and not flaky_task.request.retries:
            raise ConnectionError
        if how == "failed":
            raise ValueError

    flaky_task = task(flaky)
    for how in ("done", "done", "failed", "retried"):
        flaky_task.delay(how)
    broker.drain()
    read_and_write(book)

    name = flaky_task.name
    assert counted() == {("fast", name, "done"): 3, ("fast", name, "failed"): 1, ("fast", name, "retried"): 1}
    [minute] = MinuteTally.objects.values("queue", "done", "failed", "retried")
    assert minute == {"queue": "fast", "done": 3, "failed": 1, "retried": 1}


def test_each_report_adds_to_what_others_wrote(book):
    for seconds in (0.02, 0.03, 2000):
        tallies.pipe.send("fast", "orders.tasks.x", "done", seconds)
        read_and_write(book)

    row = Tally.objects.get()
    assert (row.count, row.seconds, row.buckets) == (3, 2000.05, {"0.05": 2, "+Inf": 1})
    assert MinuteTally.objects.get().done == 3


def test_what_the_database_did_not_take_is_written_later_and_once(book, monkeypatch):
    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    read_and_write(book)

    def unreachable(*args: object) -> None:
        raise DatabaseError

    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    with monkeypatch.context() as outage:
        outage.setattr(tallies, "_add_to_minute", unreachable)
        with pytest.raises(DatabaseError):
            read_and_write(book)
    assert Tally.objects.get().count == 1

    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    read_and_write(book)
    assert (Tally.objects.get().count, MinuteTally.objects.get().done) == (3, 3)


def test_a_run_that_was_killed_failed_and_nobody_knows_how_long_it_took(book, task):
    def hangs() -> None:
        """Never gets so far."""

    killed: Task = task(hangs)
    tallies.fail(sender=killed)  # as the main process does
    read_and_write(book)

    row = Tally.objects.get()
    assert (row.queue, row.outcome, row.count, row.buckets) == ("fast", "failed", 1, {})


def test_a_full_line_makes_no_job_wait(book):
    for _ in range(2000):
        tallies.pipe.send("fast", "orders.tasks.x" * 10, "done", 0.1)

    book.add(tallies.pipe.read(seconds=0))
    assert 0 < sum(book.minutes.values()) < 2000


def test_outside_a_worker_nothing_is_told():
    CountPipe().send("fast", "orders.tasks.x", "done", 0.1)
    assert CountPipe().read(seconds=0) == []
