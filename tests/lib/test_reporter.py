"""Test what a worker writes into the database about itself."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest
from celery import current_app
from celery.signals import worker_shutdown
from celery.worker.components import Pool
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from kombu.utils.imports import symbol_by_name

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.models import Heartbeat, Tally
from djcelery_jobs.worker import operators, reporter, tallies
from djcelery_jobs.worker.heartbeat import Pulse
from djcelery_jobs.worker.reporter import Reporter
from djcelery_jobs.worker.tallies import CountPipe, PendingCounts

pytestmark = pytest.mark.django_db
QUEUES = SimpleNamespace(consume_from={"fast": None}, deselect=lambda names: None)
APP = SimpleNamespace(amqp=SimpleNamespace(queues=QUEUES))


class Worker:
    """Stand in for Celery's worker."""

    hostname, concurrency, app = "fast-1@host", 4, APP


WORKER = Worker()


@pytest.fixture
def pulse(monkeypatch) -> Pulse:
    """Return a worker that consumes, with a book of its own, in a process with one connection."""
    pulse = Pulse(last_tick=time.monotonic(), assigned=frozenset({"fast"}), consumed=["fast"], running=1)
    monkeypatch.setattr(reporter, "pulse", pulse)
    for module in (reporter, operators):
        monkeypatch.setattr(module, "connections", SimpleNamespace(close_all=lambda: None))
    monkeypatch.setattr(reporter, "database", lambda: SimpleNamespace(close_if_unusable_or_obsolete=lambda: None))
    monkeypatch.setattr(tallies, "pending", PendingCounts())
    monkeypatch.setattr(tallies, "pipe", CountPipe())
    return pulse


@pytest.fixture
def threads(monkeypatch):
    """Replace threads by calls that do not run by themselves: `threads["count"]()` runs one."""
    made = {}

    def thread(target, args, name, daemon):
        made[name] = lambda: target(*args)
        return SimpleNamespace(start=lambda: None, join=lambda seconds: None)

    monkeypatch.setattr(reporter, "Thread", thread)
    return made


def started() -> Reporter:
    step = Reporter(WORKER)
    step.start(WORKER)
    return step


def turns(step: Reporter, count: int) -> None:
    """Let the loops of its threads turn so often."""
    waits = iter([False] * count)
    step.stopped = SimpleNamespace(wait=lambda seconds: next(waits, True), set=lambda: None, is_set=lambda: False)


def test_it_lives_and_consumes(pulse, threads):
    step = started()
    turns(step, 2)
    threads["report"]()

    row = Heartbeat.objects.get()
    assert (row.worker, row.queues, row.consuming) == ("fast-1@host", ["fast"], True)
    assert (row.concurrency, row.running) == (4, 1)


def test_an_event_loop_that_hangs_does_not_live(pulse, threads):
    pulse.last_tick -= jobs_settings.STALE_AFTER + 1
    turns(step := started(), 1)
    threads["report"]()

    assert not Heartbeat.objects.exists()
    assert step.threads


def test_what_its_children_told_is_counted(pulse, threads):
    step = started()
    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    turns(step, 1)
    threads["count"]()
    turns(step, 1)
    threads["report"]()

    assert Tally.objects.get().count == 1


def test_who_leaves_in_order_writes_what_is_left_and_is_not_missed(pulse, threads):
    step = started()
    turns(step, 1)
    threads["report"]()
    step.stop(WORKER)
    tallies.pipe.send("fast", "orders.tasks.x", "done", 0.1)
    assert Heartbeat.objects.exists()
    worker_shutdown.send(sender=WORKER)

    assert not Heartbeat.objects.exists()
    assert Tally.objects.get().count == 1


def test_without_a_database_it_goes_on_and_leaves_all_the_same(pulse, threads, monkeypatch):
    def unreachable(self: PendingCounts) -> None:
        raise DatabaseError

    monkeypatch.setattr(PendingCounts, "write", unreachable)
    step = started()
    turns(step, 1)
    threads["report"]()
    step.terminate(WORKER)


def test_a_minute_with_nothing_to_do_is_two_statements_a_second_and_a_heartbeat(pulse, threads, monkeypatch):
    turns(step := started(), 1)
    threads["report"]()
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(reporter, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return clock.now > 60

    step.stopped = SimpleNamespace(wait=wait)
    pulse.last_tick = 60.0
    with CaptureQueriesContext(connection) as queries:
        threads["report"]()

    kinds = Counter(query["sql"].split()[0] for query in queries)
    assert kinds == {"SELECT": 120, "UPDATE": 60 / jobs_settings.REPORT_INTERVAL}


@pytest.mark.parametrize("error", [None, DatabaseError])
def test_its_connection_is_closed_when_it_is_old_and_after_an_error(pulse, threads, monkeypatch, error):
    def write(self: PendingCounts) -> None:
        if error:
            raise error

    closed = []
    monkeypatch.setattr(PendingCounts, "write", write)
    turns(step := started(), 1)
    monkeypatch.setattr(reporter, "connections", SimpleNamespace(close_all=lambda: closed.append("all")))
    old = SimpleNamespace(close_if_unusable_or_obsolete=lambda: closed.append("old"))
    monkeypatch.setattr(reporter, "database", lambda: old)
    threads["report"]()

    assert closed == ["all" if error else "old"]
    assert step.threads


def test_the_thread_that_counts_sleeps_until_there_is_something(pulse, threads, monkeypatch):
    waits = []
    monkeypatch.setattr(tallies.pipe, "read", lambda seconds: waits.append(seconds) or [])
    turns(started(), 1)
    threads["count"]()

    assert waits == [None]


def test_it_leaves_once(pulse, threads, monkeypatch):
    left = []
    monkeypatch.setattr(reporter, "_leave", left.append)
    step = started()
    step.terminate(WORKER)
    worker_shutdown.send(sender=WORKER)

    assert left == [WORKER]


def test_workers_do_it_after_their_pool_has_forked():
    assert Reporter in current_app.steps["worker"]
    # Celery sorts its steps by what they require, and otherwise at random.
    assert Pool in [symbol_by_name(name) for name in Reporter.requires]
