"""Test that a job whose task ended its own transaction is never DONE: its effect may be gone."""

import os
import sys

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.db import close_old_connections, connection

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State
from djcelery_jobs.testing import memory_broker

pytestmark = pytest.mark.django_db(transaction=True)


def insert() -> None:
    get_user_model().objects.create(username="effect")


def roll_back() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")


def leave_in_a_child() -> None:
    """Leave by sys.exit(), which rolls the transaction back on the connection that parent and child share."""
    if not (child := os.fork()):
        sys.exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def return_in_a_child() -> None:
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def run(task):
    def run(does) -> Job:
        def work() -> None:
            insert()
            does()

        with memory_broker(current_app._get_current_object()) as broker:
            task(work, base=DurableTask).delay()
            broker.run_one()
        return Job.objects.get()

    return run


@pytest.mark.parametrize("ends", [roll_back, close_old_connections, connection.close])
def test_it_is_dead_at_once_and_says_why(run, ends):
    job = run(ends)

    assert (job.state, job.attempts) == (State.DEAD, 0)
    assert "TransactionEndedError: The task ended the transaction" in job.error
    assert not get_user_model().objects.exists()


def test_so_it_is_when_the_task_goes_on_with_its_connection(run):
    def close_and_insert() -> None:
        close_old_connections()
        insert()

    assert "TransactionEndedError" in run(close_and_insert).error


@pytest.mark.parametrize("does", [leave_in_a_child, return_in_a_child])
def test_a_child_process_does_not_speak_on_its_parents_connection(run, does):
    assert run(does).state == State.DONE
    assert get_user_model().objects.count() == 1
