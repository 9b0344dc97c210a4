"""Test that a statement that runs at the soft time limit is cancelled, and its connection takes the next one."""

import signal
import time
from contextlib import contextmanager, suppress

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction

from djcelery_jobs.models import State
from djcelery_jobs.worker import statements
from tests.lib.durable_jobs import begin, deliver, the_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def watched():
    connection.ensure_connection()
    statements.watch_statements_of(connection)
    yield
    connection.execute_wrappers.remove(statements.cancel_at_soft_limit)
    connection.close()


@contextmanager
def soft_limit(seconds: float):
    """Interrupt the block as billiard does in a process of a worker. Append to a list when that happens."""
    interruptions = []

    def expire(number, frame):
        interruptions.append(number)
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield interruptions
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def execute(sql: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_a_statement_is_cancelled_and_its_connection_is_kept():
    before = execute("SELECT pg_backend_pid()")
    with pytest.raises(SoftTimeLimitExceeded), soft_limit(0.3):
        execute("SELECT pg_sleep(60)")

    assert execute("SELECT pg_backend_pid()") == before


def test_in_a_transaction_it_rolls_back():
    lock_and_sleep = "SELECT pg_advisory_xact_lock(5)::text, pg_sleep(60)"
    with pytest.raises(SoftTimeLimitExceeded), soft_limit(0.3), transaction.atomic():
        execute(lock_and_sleep)

    connection.close()
    assert execute("SELECT pg_try_advisory_lock(5)") is True  # nobody holds what the transaction held


def test_without_a_statement_it_is_as_ever():
    with pytest.raises(SoftTimeLimitExceeded), soft_limit(0.1):
        time.sleep(60)
    assert execute("SELECT 1") == 1


def test_a_statement_that_does_not_end_costs_its_connection(monkeypatch):
    monkeypatch.setattr(statements, "SECONDS", 0.1)
    monkeypatch.setattr(connection.connection, "cancel_safe", lambda **options: None)
    with pytest.raises(SoftTimeLimitExceeded), soft_limit(0.3):
        execute("SELECT pg_sleep(5)")

    assert connection.connection.closed


@pytest.mark.parametrize("is_whole_run", [False, True])
def test_a_row_that_somebody_else_locks_counts_no_start(add, broker, committed, is_whole_run):
    with committed():
        add.delay("a")
    job = the_job()
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM djcelery_jobs_job FOR UPDATE")
        with suppress(SoftTimeLimitExceeded), soft_limit(0.5) as interruptions:
            broker.run_one() if is_whole_run else begin(job)
        assert len(interruptions) == 1
    finally:
        other.close()

    assert (the_job().starts, the_job().state) == (0, State.WAITING)
    deliver(the_job())
    assert (the_job().starts, the_job().state) == (1, State.DONE)
