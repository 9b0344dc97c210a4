"""Test how many statements a job costs on each path, and which they are."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import State
from tests.lib.durable_jobs import begin, deliver, later, the_job

pytestmark = pytest.mark.django_db

EFFECT = ["SAVEPOINT", "SELECT", "UPDATE", "RELEASE"]  # lock, mark done; a transaction of its own outside of a test
BEGIN_AGAIN = ["UPDATE", "SAVEPOINT", "SELECT", "SELECT", "SELECT", "UPDATE", "RELEASE"]  # looks for who forbids it
ENDED = ["SAVEPOINT", "SELECT", "SELECT", "UPDATE", "RELEASE"]  # lock, look for a cancellation, record


@pytest.fixture
def statements():
    """Return the kinds of statements that a call executes: statements(call)."""

    def statements(call, *args, **options) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            call(*args, **options)
        return [query["sql"].split()[0] for query in queries]

    return statements


@pytest.fixture
def dispatched(task, committed):
    """Dispatch a job of a task that does this: dispatched(does, one_transaction=False)."""

    def dispatched(does, **options) -> None:
        with committed():
            task(does, base=DurableTask, **options).delay()

    return dispatched


def nothing():
    """Leave only what the row costs."""


def fails():
    raise ValueError


def loses_its_connection():
    raise ConnectionResetError


def test_a_dispatch_is_one_statement(add, broker, committed, django_assert_num_queries):
    with django_assert_num_queries(1), committed():
        add.delay("a")


def test_so_is_a_dispatch_of_many(add, broker, committed, django_assert_num_queries):
    with django_assert_num_queries(1), committed():
        add.apply_async_many([(str(number),) for number in range(20)])


def test_a_run_is_one_statement_to_begin_and_a_transaction_of_two_for_the_effect(dispatched, broker, statements):
    dispatched(nothing)

    assert statements(broker.run_one) == ["UPDATE", *EFFECT]
    assert the_job().state == State.DONE


def test_so_is_one_that_is_not_in_one_transaction(dispatched, broker, statements):
    dispatched(nothing, one_transaction=False)

    assert statements(broker.run_one) == ["UPDATE", *EFFECT]


def test_a_copy_that_has_nothing_to_do_looks_twice(dispatched, broker, statements):
    dispatched(nothing)
    broker.run_one()

    assert statements(deliver, the_job()) == ["UPDATE", "SAVEPOINT", "SELECT", "RELEASE"]


def test_a_run_after_a_kill_looks_at_the_row(dispatched, broker, statements):
    dispatched(nothing)
    begin(the_job())
    later(60)

    assert statements(deliver, the_job(), redelivered=True) == [*BEGIN_AGAIN, *EFFECT]
    assert the_job().state == State.DONE


@pytest.mark.parametrize("fault", [fails, loses_its_connection])
def test_a_run_that_fails_is_rolled_back_and_recorded(dispatched, broker, statements, fault):
    dispatched(fault)

    kinds = statements(broker.run_one)

    assert kinds == ["UPDATE", "SAVEPOINT", "SELECT", "ROLLBACK", "RELEASE", *ENDED]
