"""Test a flight to something that may hang."""

import os
import threading
from concurrent.futures import TimeoutError as TooSlow

import pytest

from djcelery_jobs.brokers.single_flight import SingleFlight


def test_the_answer():
    assert SingleFlight(lambda: 42).start().result(timeout=5) == 42


def test_an_error_is_the_answer_of_whoever_waits():
    def ask():
        raise ConnectionError("unreachable")

    with pytest.raises(ConnectionError):
        SingleFlight(ask).start().result(timeout=5)


def test_what_hangs_holds_one_thread_however_many_ask():
    answer, asked = threading.Event(), []

    def ask():
        asked.append(threading.get_ident())
        answer.wait(10)
        return "late"

    flight = SingleFlight(ask)
    first = flight.start()
    for _ in range(20):
        with pytest.raises(TooSlow):
            flight.start().result(timeout=0)
    answer.set()

    assert first.result(timeout=5) == "late"
    assert len(asked) == 1


def test_once_answered_it_is_asked_anew():
    numbers = iter((1, 2))
    flight = SingleFlight(lambda: next(numbers))

    assert [flight.start().result(timeout=5), flight.start().result(timeout=5)] == [1, 2]


def test_a_child_process_does_not_wait_for_the_answer_to_its_parents_flight(monkeypatch):
    in_child = []
    monkeypatch.setattr(os, "register_at_fork", lambda after_in_child: in_child.append(after_in_child))
    over, answers = threading.Event(), iter((lambda: over.wait(10), lambda: "its own"))
    flight = SingleFlight(lambda: next(answers)())
    flight.start()

    for forget in in_child:  # what a fork does
        forget()

    assert flight.start().result(timeout=5) == "its own"
    over.set()
