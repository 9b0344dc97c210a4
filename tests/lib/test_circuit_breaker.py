import time
from itertools import chain, repeat

import pytest
from celery import current_app
from kombu import Connection

from djcelery_jobs.brokers import circuit_breaker


def eventually(condition, seconds=5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_closes_when_the_broker_answers(monkeypatch, settings):
    answers = chain([False, False], repeat(True))
    monkeypatch.setattr(circuit_breaker, "answers", lambda app: next(answers))
    settings.DJCELERY_JOBS = {"BROKER_PROBE_INTERVAL": 0.1}
    found = circuit_breaker.Breaker()

    found.open()
    found.open()  # a second failure starts no second search
    assert eventually(lambda: found.closed)


def test_a_broker_answers_when_it_does_what_it_is_asked(broker):
    assert circuit_breaker.answers(current_app._get_current_object())


def test_a_broker_that_refuses_does_not(monkeypatch):
    class Refusing:
        conf = current_app.conf

        def connection_for_write(self):
            raise ConnectionRefusedError

    assert not circuit_breaker.answers(Refusing())


@pytest.mark.parametrize("state", [True, False])
def test_open_is_remembered(state, monkeypatch):
    monkeypatch.setattr(circuit_breaker.threading.Thread, "start", lambda self: None)
    found = circuit_breaker.Breaker()
    found.closed = state

    found.open()

    assert not found.closed


def test_a_connection_that_failed_is_left_without_a_goodbye(task, broker, monkeypatch):
    def work() -> None:
        """Do nothing: it never runs."""

    def unreachable(*args, **kwargs):
        raise ConnectionError

    left = []
    monkeypatch.setattr(Connection, "collect", lambda connection: left.append(connection))
    monkeypatch.setattr(current_app.amqp, "send_task_message", unreachable)
    with pytest.raises(ConnectionError):
        task(work).delay()

    assert len(left) == 1
