"""Test how what a worker's thread reads reaches its event loop: only when there is something to carry out."""

import uuid
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from kombu.asynchronous import Hub

from djcelery_jobs import operations
from djcelery_jobs.models import Cancellation, PauseKind
from djcelery_jobs.worker import operators
from djcelery_jobs.worker.heartbeat import Pulse
from djcelery_jobs.worker.operators import CarryOutDecisions

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pulse(monkeypatch) -> Pulse:
    """Return a worker that was started for one queue."""
    pulse = Pulse(assigned=frozenset({"fast"}))
    monkeypatch.setattr(operators, "pulse", pulse)
    monkeypatch.setattr(operators, "decisions", operators.Decisions())
    monkeypatch.setattr(operators, "connections", SimpleNamespace(close_all=lambda: None))
    return pulse


@pytest.fixture
def woken() -> Callable[[], bool]:
    """Return whether a look at the database wakes the event loop."""

    def woken() -> bool:
        calls = []
        operators.decisions.wake = lambda: calls.append(1)
        operators.look()
        return bool(calls)

    return woken


@pytest.fixture
def loop(monkeypatch):
    """Return an event loop, and the rounds that it makes."""
    hub, rounds = Hub(), []
    monkeypatch.setattr(operators, "follow_pauses", rounds.append)
    step = CarryOutDecisions(consumer := SimpleNamespace(hub=hub, timer=hub.timer))
    step.start(consumer)
    turning = hub.create_loop()
    yield SimpleNamespace(step=step, consumer=consumer, rounds=rounds, turn=lambda: next(turning))
    hub.close()


def test_while_nothing_is_paused_or_cancelled_the_event_loop_sleeps(woken):
    assert not woken()
    operations.pause_queue("slow", by="ann")  # of other workers
    operations.pause_task("djcelery_jobs.tasks.prune", by="ann")  # its processes look at the board
    assert not woken()


def test_it_is_woken_until_it_has_left_and_consumes_again_a_queue(woken, pulse):
    operations.pause_queue("fast", by="ann")
    assert woken()
    assert woken()
    pulse.paused = frozenset({"fast"})
    assert not woken()

    operations.resume_queue("fast", by="ann")
    assert woken()


def test_it_is_woken_while_a_cancelled_job_may_run(woken, monkeypatch):
    monkeypatch.setattr(operators, "_finish", lambda job: None)  # the row is locked
    job = uuid.uuid4()
    Cancellation.objects.create(job=job)
    assert woken()
    assert woken()

    operators.decisions.ended = {job}
    assert not woken()


def test_both_are_read_in_one_statement(django_assert_num_queries):
    job = uuid.uuid4()
    Cancellation.objects.create(job=job)
    operations.pause_queue("fast", by="ann")

    with django_assert_num_queries(1):
        assert operators.read() == ({(PauseKind.QUEUE, "fast")}, {job})


def test_a_woken_event_loop_makes_one_round(loop):
    loop.turn()
    assert loop.rounds == []

    operators.decisions.wake()
    loop.turn()
    loop.turn()
    assert loop.rounds == [loop.consumer]


def test_an_error_in_a_round_does_not_end_the_event_loop(loop, monkeypatch, caplog):
    def wrong(consumer: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(operators, "follow_pauses", wrong)
    operators.decisions.wake()
    loop.turn()
    loop.turn()

    assert "ZeroDivisionError" in caplog.text


def test_without_a_connection_no_round_is_made(loop):
    operators.decisions.wake()
    loop.step.stop(loop.consumer)
    loop.turn()
    loop.turn()

    assert (loop.rounds, operators.decisions.wake) == ([], None)


def test_an_event_loop_that_nothing_can_wake_makes_rounds_all_the_time():
    calls = []
    timer = SimpleNamespace(call_repeatedly=lambda *call: calls.append(call) or SimpleNamespace(cancel=calls.clear))
    step = CarryOutDecisions(consumer := SimpleNamespace(hub=None, timer=timer))
    step.start(consumer)
    assert calls == [(operators.CARRY_OUT_INTERVAL, step.carry_out, (consumer,))]
    assert operators.decisions.wake is None

    step.stop(consumer)
    assert calls == []
