"""A question to something that may hang."""

import os
import threading
from concurrent.futures import TimeoutError as TooSlow

import pytest

from djcelery_jobs.brokers.single_flight import Bounded


def test_the_answer():
    assert Bounded(lambda: 42).begin().result(timeout=5) == 42


def test_an_error_is_the_answer_of_whoever_waits():
    def ask():
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        Bounded(ask).begin().result(timeout=5)


def test_what_hangs_holds_one_thread_however_many_ask():
    answer, asked = threading.Event(), []

    def ask():
        asked.append(threading.get_ident())
        answer.wait(10)
        return "late"

    question = Bounded(ask)
    first = question.begin()
    for _ in range(20):
        with pytest.raises(TooSlow):
            question.begin().result(timeout=0)
    answer.set()

    assert first.result(timeout=5) == "late"
    assert len(asked) == 1


def test_once_answered_it_is_asked_anew():
    numbers = iter((1, 2))
    question = Bounded(lambda: next(numbers))

    assert [question.begin().result(timeout=5), question.begin().result(timeout=5)] == [1, 2]


def test_a_child_process_does_not_wait_for_the_answer_to_its_parents_question(monkeypatch):
    in_child = []
    monkeypatch.setattr(os, "register_at_fork", lambda after_in_child: in_child.append(after_in_child))
    over, answers = threading.Event(), iter((lambda: over.wait(10), lambda: "its own"))
    question = Bounded(lambda: next(answers)())
    question.begin()

    for forget in in_child:  # what a fork does
        forget()

    assert question.begin().result(timeout=5) == "its own"
    over.set()
