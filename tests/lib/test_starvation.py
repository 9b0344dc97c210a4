"""Test a worker that gets nothing while jobs wait."""

from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from celery import current_app

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker import starvation
from djcelery_jobs.worker.heartbeat import Pulse
from djcelery_jobs.worker.starvation import StarvationDetector


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock by seconds that pass when the test says so."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(starvation, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Reader:
    """Answer as the broker would, and note what is done with the connection."""

    def __init__(self, waiting: dict[str, queue_lengths.QueueLength]) -> None:
        self.waiting = waiting
        self.calls: list[str] = []

    def fetch(self, queues: Iterable[str]) -> dict[str, queue_lengths.QueueLength]:
        self.calls.append("fetch")
        return {name: self.waiting[name] for name in queues}

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def reader(monkeypatch) -> Reader:
    reader = Reader({"fast": queue_lengths.QueueLength(3, None), "slow": queue_lengths.QueueLength(0, None)})
    monkeypatch.setattr(queue_lengths, "LengthReader", lambda: reader)
    return reader


@pytest.fixture
def waiting(reader) -> dict[str, queue_lengths.QueueLength]:
    """Return what the broker says."""
    return reader.waiting


def pulse(*consumed: str) -> Pulse:
    return Pulse(assigned=frozenset(consumed), consumed=list(consumed))


def after(seconds: float, worker: Pulse, clock) -> bool:
    """Return whether it is starved after so long in which it asked every few seconds."""
    detector = StarvationDetector(worker)
    for _ in range(int(seconds) + 1):
        detector.check()
        clock.now += 1
    return worker.starved


def test_jobs_wait_and_none_reaches_it(clock, waiting):
    worker = pulse("fast")
    assert after(jobs_settings.STARVED_AFTER - 1, worker, clock) is False
    assert after(jobs_settings.STARVED_AFTER, worker, clock) is True
    assert worker.consuming is False


def test_what_waits_elsewhere_is_not_for_it(clock, waiting):
    assert after(100, pulse("slow"), clock) is False


def test_one_that_works_is_not_starved(clock, waiting):
    worker = pulse("fast")
    worker.reserved = 1
    assert after(100, worker, clock) is False


def test_one_that_gets_something_now_and_then_is_not_starved(clock, waiting):
    worker = pulse("fast")
    detector = StarvationDetector(worker)
    for second in range(100):
        worker.received += second % 10 == 0
        detector.check()
        clock.now += 1

    assert worker.starved is False


def test_it_ends_with_the_first_job(clock, waiting):
    worker = pulse("fast")
    detector = StarvationDetector(worker)
    for _ in range(jobs_settings.STARVED_AFTER + 2):
        detector.check()
        clock.now += 1
    assert worker.starved is True

    worker.received += 1
    detector.check()
    assert worker.starved is False


def test_without_an_answer_nobody_can_tell(clock, reader, monkeypatch):
    def fetch(queues: Iterable[str]) -> None:
        raise ConnectionError

    monkeypatch.setattr(reader, "fetch", fetch)
    assert after(100, pulse("fast"), clock) is False


def test_who_stands_by_at_an_ordered_queue_waits_rightly(clock, waiting, monkeypatch):
    monkeypatch.setattr(current_app.amqp.queues["fast"], "queue_arguments", {"x-single-active-consumer": True})
    assert after(100, pulse("fast"), clock) is False


def test_what_waits_longer_than_a_moment_counts_anew_after_a_pause(clock, waiting):
    worker = pulse("fast")
    detector = StarvationDetector(worker)
    for messages in (3, 3, 0, 3):
        waiting["fast"] = queue_lengths.QueueLength(messages, None)
        detector.check()
        clock.now += jobs_settings.STARVED_AFTER - 1

    assert worker.starved is False


def test_a_connection_is_kept_only_by_an_idle_worker_for_which_nothing_waits(clock, reader, waiting):
    worker = pulse("slow")
    detector = StarvationDetector(worker)
    detector.check()
    detector.check()
    assert reader.calls == ["fetch", "fetch"]

    worker.received += 1
    detector.check()
    assert reader.calls[2:] == ["close"]  # a worker that is busy for long could not keep it alive

    waiting["slow"] = queue_lengths.QueueLength(1, None)
    detector.check()
    detector.check()
    assert reader.calls[3:] == ["fetch", "close"] * 2  # nothing is concluded from an old connection alone


def test_it_closes_the_connection_at_its_end(reader):
    with StarvationDetector(pulse("slow")) as detector:
        detector.check()

    assert reader.calls == ["fetch", "close"]
