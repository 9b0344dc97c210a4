"""Test the sign of life of a worker and of beat."""

import os
from types import SimpleNamespace

import pytest
from celery import current_app

from djcelery_jobs.worker import heartbeat
from djcelery_jobs.worker.heartbeat import HeartbeatStep, Pulse


@pytest.fixture
def file(settings, tmp_path):
    settings.DJCELERY_JOBS = {"HEARTBEAT_FILE": str(tmp_path / "heartbeat")}
    return tmp_path / "heartbeat"


@pytest.fixture
def pulse(monkeypatch) -> Pulse:
    pulse = Pulse(assigned=frozenset({"fast"}))
    monkeypatch.setattr(heartbeat, "pulse", pulse)
    return pulse


class Consumer:
    """Stand in for Celery's, as far as the step needs it: its timer, its queues, and which of them it consumes."""

    def __init__(self, *consumed: str) -> None:
        self.app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from={"fast": "a queue"})))
        self.task_consumer = SimpleNamespace(consuming_from=lambda name: name in consumed)
        self.timer = self
        self.calls: list[object] = []

    def call_repeatedly(self, seconds, work, args):
        work(*args)
        return self

    def cancel(self):
        self.calls.append("cancelled")


def test_a_worker_that_consumes_its_queues_touches_the_file(file, pulse):
    step, consumer = HeartbeatStep(None), Consumer("fast")
    step.start(consumer)

    assert file.exists()
    assert (pulse.consuming, pulse.consumed) == (True, ["fast"])
    step.stop(consumer)
    assert consumer.calls == ["cancelled"]


def test_one_that_lives_and_no_longer_consumes_does_not(file, pulse):
    HeartbeatStep(None).start(Consumer())

    assert not file.exists()
    assert pulse.consuming is False
    assert pulse.last_tick > 0


def test_a_queue_that_was_taken_away_from_it_is_still_meant(file, monkeypatch):
    monkeypatch.setattr(heartbeat, "pulse", Pulse())
    step, consumer = HeartbeatStep(None), Consumer("fast")
    step.start(consumer)
    file.unlink()

    consumer.app.amqp.queues.consume_from.clear()  # what `celery control cancel_consumer` does
    consumer.task_consumer.consuming_from = lambda name: False
    step.tick(consumer)

    assert not file.exists()


def test_one_that_looks_for_its_broker_does_what_it_can(file, pulse):
    pulse.tick(["fast"])
    file.unlink()
    pulse.mark_broker_unreachable()

    assert file.exists()
    assert pulse.consuming is False


def test_without_a_path_no_file_is_touched(settings, pulse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.utime(tmp_path, (0, 0))  # an empty path means this folder
    settings.DJCELERY_JOBS = {"HEARTBEAT_FILE": ""}
    pulse.tick(["fast"])
    pulse.mark_broker_unreachable()

    assert pulse.last_tick > 0
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.stat().st_mtime == 0


def test_it_tells_what_runs(pulse, monkeypatch):
    request = SimpleNamespace(
        id="1", name="djcelery_jobs.tasks.prune", delivery_info={"routing_key": "fast"}, time_start=5.0,
        request_dict={"waits_since": 4.0},
    )  # fmt: skip
    monkeypatch.setattr(heartbeat.state, "active_requests", [request])
    heartbeat.note_received(request)
    pulse.tick(["fast"])

    assert pulse.jobs == [{"id": "1", "task": "djcelery_jobs.tasks.prune", "queue": "fast", "started": 5.0}]
    assert (pulse.running, pulse.fetched) == (1, {"fast": 4.0})


def test_workers_do_it():
    assert HeartbeatStep in current_app.steps["consumer"]
