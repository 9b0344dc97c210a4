"""Test counting runs."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from celery import Task, current_app
from celery.exceptions import TimeLimitExceeded
from django.db import DatabaseError
from django.db.models import Sum
from django.utils import timezone

from djcelery_jobs import job as this_job
from djcelery_jobs import operations
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger, run_counts
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.run_counts import PendingCounts
from djcelery_jobs.models import Job, MinuteTally, Tally, TaskSlot
from djcelery_jobs.worker import tallies
from djcelery_jobs.worker.tallies import CountPipe
from tests.lib.durable_jobs import begin, later, the_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(monkeypatch) -> PendingCounts:
    """Return a worker's book, and its open line. All that a test counts is of one minute."""
    now = datetime.now(UTC)
    monkeypatch.setattr(run_counts, "datetime", SimpleNamespace(now=lambda zone: now))
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


def test_nothing_costs_nothing(book, django_assert_num_queries):
    with django_assert_num_queries(0):
        book.write()


def test_a_read_without_end_ends_when_the_worker_leaves(book):
    tallies.pipe.unblock()

    assert tallies.pipe.read(seconds=None) == []


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
        outage.setattr(run_counts, "_add_to_minute", unreachable)
        with pytest.raises(DatabaseError):
            read_and_write(book)
    assert Tally.objects.get().count == 1

    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    read_and_write(book)
    assert (Tally.objects.get().count, MinuteTally.objects.get().done) == (3, 3)


def test_a_run_that_was_killed_failed_and_nobody_knows_how_long_it_took(book, task):
    def hangs() -> None:
        """Do nothing: its run is killed."""

    killed: Task = task(hangs)
    tallies.fail(sender=killed)  # as the main process does
    read_and_write(book)

    row = Tally.objects.get()
    assert (row.queue, row.outcome, row.count, row.buckets) == ("fast", "failed", 1, {})


# -- What becomes of a durable job is counted once


def outcomes() -> dict[str, int]:
    """Return what is counted. The table per task and the one per minute must agree on what ended in a run."""
    totals = {outcome: count for (_, _, outcome), count in counted().items()}
    in_runs = {name: totals[name] for name in ("done", "failed", "retried") if totals.get(name)}
    minutes = MinuteTally.objects.aggregate(done=Sum("done"), failed=Sum("failed"), retried=Sum("retried"))
    for minutes_of_slot in run_counts.SLOTS:
        slots = TaskSlot.objects.filter(minutes=minutes_of_slot)
        sums = slots.aggregate(done=Sum("done"), failed=Sum("failed"), retried=Sum("retried"))
        assert {name: count for name, count in sums.items() if count} == in_runs
    assert {name: count for name, count in minutes.items() if count} == in_runs
    return totals


@pytest.fixture
def dispatched(task, broker, committed):
    """Dispatch a job of a task that does this."""

    def dispatched(does=lambda: None, one_transaction=True, **options) -> None:
        def work() -> None:
            does()

        with committed():
            task(work, base=DurableTask, one_transaction=one_transaction).apply_async(**options)

    return dispatched


def test_one_whose_message_comes_twice(book, broker, dispatched):
    dispatched()
    ledger.publish_now([the_job().pk])
    relay()
    assert len(broker.drain()) == 2
    read_and_write(book)

    assert outcomes() == {"done": 1}


def test_one_that_another_run_has_ended_meanwhile(book, broker, dispatched):
    dispatched(lambda: Job.objects.update(state="done"), one_transaction=False)
    broker.drain()
    read_and_write(book)

    assert outcomes() == {}  # the other run counts it


def test_one_that_snoozes(book, broker, dispatched):
    snoozes = [60]
    dispatched(lambda: this_job.snooze(snoozes.pop()) if snoozes else None)
    broker.drain()
    later(61)
    relay()
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"done": 1}


def test_one_that_is_held_by_a_pause(book, broker, dispatched):
    dispatched()
    operations.pause_queue("fast", by="ann")
    broker.drain()
    read_and_write(book)
    assert (the_job().held, outcomes()) == (True, {})


def test_one_that_has_expired(book, broker, dispatched):
    dispatched(expires=60)
    Job.objects.update(expires_at=the_job().created_at)
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"expired": 1}


def test_one_that_has_expired_and_leaves_its_key_to_another(book, broker, dispatched, committed):
    dispatched(expires=60, key="k")
    Job.objects.update(expires_at=the_job().created_at)
    with committed():
        current_app.tasks["tests.work"].apply_async(key="k")
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"expired": 1, "done": 1}


@pytest.mark.parametrize("fail", [None, ValueError, ConnectionResetError])
def test_one_that_is_cancelled_while_it_runs(book, broker, dispatched, fail):
    def ends() -> None:
        operations.cancel(Job.objects.all(), by="ann")
        if fail:
            raise fail

    dispatched(ends, one_transaction=False)
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"cancelled": 1} | ({"retried": 1} if fail is ConnectionResetError else {})


def test_one_that_is_cancelled_before_its_message_comes(book, broker, dispatched):
    dispatched()
    operations.cancel(Job.objects.all(), by="ann")
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"cancelled": 1}


def test_one_that_its_hard_limit_cuts_off_and_that_then_is_done(book, broker, dispatched, task):
    dispatched()
    begin(the_job())
    tallies.fail(sender=current_app.tasks["tests.work"], exception=TimeLimitExceeded(10))  # as the main process does
    later(jobs_settings.JUST_BEGUN + 1)
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"done": 1}


def test_one_that_is_given_up(book, broker, dispatched):
    dispatched()
    Job.objects.update(starts=jobs_settings.MAX_REDELIVERIES + 1)
    broker.drain()
    read_and_write(book)

    assert outcomes() == {"failed": 1}
    assert TaskSlot.objects.first().buckets == {}  # nobody knows how long its runs took


def test_one_that_no_code_can_send(book, committed, db):
    long_ago = timezone.now() - timedelta(seconds=2 * jobs_settings.DEPLOY_WAIT)
    Job.objects.create(task="tests.gone", queue="fast", publish_at=timezone.now())
    Job.objects.update(created_at=long_ago)
    with committed():
        relay()

    assert outcomes() == {"failed": 1}


def test_a_full_line_makes_no_job_wait(book):
    for _ in range(2000):
        tallies.pipe.send("fast", "orders.tasks.x" * 10, "done", 0.1)

    book.add(tallies.pipe.read(seconds=0))
    assert 0 < sum(book.minutes.values()) < 2000


def test_outside_a_worker_nothing_is_told():
    CountPipe().send("fast", "orders.tasks.x", "done", 0.1)
    assert CountPipe().read(seconds=0) == []
