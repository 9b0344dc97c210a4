"""Test how many round trips a run takes, that its statements are prepared, and where neither is done."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, connection, transaction

from djcelery_jobs.core import round_trips
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.round_trips import BEGIN, COMMIT, Statement
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import deliver, effects, later, the_job

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(round_trips, "pooled", set())
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)  # kept from job to job, as in a worker
    connection.close()
    yield
    connection.close()


@pytest.fixture
def dispatch(task):
    """Dispatch a job of a task that does this: dispatch(does, one_transaction=False)."""

    def dispatch(does, **options) -> None:
        Job.objects.all().delete()
        with transaction.atomic():
            task(does, base=DurableTask, **options).delay()

    return dispatch


@pytest.fixture
def run(dispatch, broker):
    def run(does=None, **options) -> Job:
        dispatch(does or nothing, **options)
        broker.run_one()
        return the_job()

    return run


def nothing() -> None:
    """Leave only what the ledger does."""


def create_user() -> None:
    get_user_model().objects.create(username="a")


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return sorted({statement.split()[0] for (statement,) in cursor.fetchall()})


@contextmanager
def counted_round_trips(folder: Path) -> Iterator[list[int]]:
    """Count the round trips of the block: how often the server answers what the client has sent. Append the count.

    Each ends with the one packet that asks for the answer.
    """
    counts: list[int] = []
    connection.ensure_connection()
    with (folder / "trace").open("w") as trace:
        connection.connection.pgconn.trace(trace.fileno())
        try:
            yield counts
        finally:
            connection.connection.pgconn.untrace()
    lines = [line.split("\t") for line in (folder / "trace").read_text().splitlines() if "\t" in line]
    counts.append(sum((one[1], other[1]) == ("F", "B") for one, other in pairwise(lines)))
    assert counts[-1] == sum(line[3] == "Sync" or (line[1], line[3]) == ("F", "Query") for line in lines)


@pytest.mark.parametrize(
    ("does", "options", "trips"),
    [
        (nothing, {}, 2),  # begin and lock; mark done and commit
        (create_user, {}, 3),
        (nothing, {"one_transaction": False}, 3),  # begin; lock; mark done and commit
        (create_user, {"one_transaction": False}, 4),
    ],
)
def test_how_many_a_run_takes(run, dispatch, broker, tmp_path, does, options, trips):
    run(**options)  # the first of a connection prepares the statements
    dispatch(does, **options)

    with counted_round_trips(tmp_path) as counts:
        broker.run_one()

    assert counts == [trips]
    assert the_job().state == State.DONE


def test_the_statements_that_begin_and_end_a_run_are_prepared_once(run):
    assert run().state == State.DONE
    before = prepared()
    assert before == ["BEGIN", "COMMIT", "SELECT", "UPDATE", "WITH"]

    assert run().state == State.DONE
    assert prepared() == before


def test_none_where_the_settings_say_that_there_is_a_pooler(run, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)

    assert run().state == State.DONE
    assert prepared() == []


def test_a_pooler_that_nobody_told_of_fails_no_job(run):
    run()
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")  # as if this were another connection to the server

    assert run(create_user).state == State.DONE
    assert effects() == ["a"]
    assert round_trips.pooled == {"default"}
    assert run().state == State.DONE
    assert prepared() == []


def test_none_where_transactions_do_not_begin_with_begin(run, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", 2)

    assert run().state == State.DONE
    assert prepared() == []


def test_whoever_watches_the_statements_sees_each_of_them(run):
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append((sql.split()[0], context["cursor"]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        assert run().state == State.DONE
    assert [word for word, _ in seen][-4:-1] == ["UPDATE", "SELECT", "UPDATE"]  # then comes the test's own look


def test_a_commit_that_fails_takes_the_effect_with_it(run):
    def breaks_a_rule_that_is_looked_at_last() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO djcelery_test_rule VALUES (1), (1)")
        create_user()

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE djcelery_test_rule (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    try:
        job = run(breaks_a_rule_that_is_looked_at_last)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE djcelery_test_rule")

    assert (job.state, job.error_class) == (State.DEAD, "django.db.utils.IntegrityError")
    assert effects() == []


def test_a_run_goes_on_after_a_migration_that_changes_what_a_statement_returns(run, dispatch, broker):
    run()
    dispatch(create_user)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE djcelery_jobs_job ALTER COLUMN worker TYPE varchar(120)")
    try:
        broker.run_one()
        assert (the_job().state, the_job().starts) == (State.DONE, 1)
        assert effects() == ["a"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE djcelery_jobs_job ALTER COLUMN worker TYPE varchar(100)")


def test_a_run_begins_anew_on_a_connection_that_broke(run, dispatch, broker, caplog):
    run()
    dispatch(create_user)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()

    with caplog.at_level(logging.WARNING):
        broker.run_one()

    assert (the_job().state, effects()) == (State.DONE, ["a"])


@pytest.mark.parametrize("how", [socket.SHUT_RDWR, socket.SHUT_WR])
def test_a_run_begins_anew_on_a_connection_that_broke_without_a_word(run, dispatch, broker, how):
    run()
    dispatch(create_user)
    with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as own_end:
        own_end.shutdown(how)

    broker.run_one()

    assert (the_job().state, effects()) == (State.DONE, ["a"])


def test_a_start_whose_answer_is_lost_counts_as_cut_off(run, dispatch, broker, monkeypatch):
    results = round_trips._results

    def lose_the_answer(pgconn):
        monkeypatch.undo()
        results(pgconn)
        raise OperationalError("server closed the connection unexpectedly")

    run()
    dispatch(create_user)
    monkeypatch.setattr(round_trips, "_results", lose_the_answer)
    broker.run_one()
    assert (the_job().state, the_job().starts, effects()) == (State.WAITING, 1, [])

    later(60)
    deliver(the_job())

    assert (the_job().state, the_job().starts, effects()) == (State.DONE, 2, ["a"])


def test_a_start_that_fails_is_tried_again(dispatch, broker, monkeypatch):
    dispatch(create_user)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 20")  # milliseconds
    with closing(connection.copy()) as other:
        other.set_autocommit(False)
        other.cursor().execute("SELECT 1 FROM djcelery_jobs_job FOR UPDATE")
        monkeypatch.setattr("djcelery_jobs.core.durable.time.sleep", lambda seconds: other.rollback())
        broker.run_one()

    assert (the_job().state, the_job().starts, effects()) == (State.DONE, 1, ["a"])


def test_a_connection_that_breaks_at_the_end_of_a_run_rolls_back_and_the_job_is_retried(run):
    def lose_the_connection() -> None:
        create_user()
        with socket.socket(fileno=os.dup(connection.connection.pgconn.socket)) as own_end:
            own_end.shutdown(socket.SHUT_RDWR)

    job = run(lose_the_connection)

    assert (job.state, job.attempts, effects()) == (State.DELAYED, 1, [])


def test_an_error_without_a_code_is_the_servers():
    import psycopg

    error = psycopg.DatabaseError("server closed the connection unexpectedly")

    assert type(round_trips._as_transient("default", {}, error)) is psycopg.OperationalError


@pytest.mark.parametrize("one_transaction", [True, False])
def test_a_server_that_is_still_away_at_the_rollback_fails_no_job(run, monkeypatch, one_transaction):
    def lose_the_server() -> None:
        monkeypatch.setattr(connection, "connect", refuse_once)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def refuse_once() -> None:
        monkeypatch.undo()
        raise OperationalError("connection refused")

    job = run(lose_the_server, one_transaction=one_transaction)

    assert (job.state, job.attempts) == (State.DELAYED, 1)


def test_a_copy_of_the_message_finds_nothing_to_do(run):
    job = run(create_user)

    deliver(job)

    assert (the_job().starts, effects()) == (1, ["a"])


# -- The statements themselves


def test_the_rows_of_each_statement():
    [one, none, many] = round_trips.execute(
        connection,
        Statement("SELECT %s::int, %s::text", [1, "ä"]),
        Statement("CREATE TEMPORARY TABLE few (number int)"),
        Statement("SELECT generate_series(1, %s)", ["3"]),
    )

    assert (one, none, many) == ([(1, "ä")], [], [(1,), (2,), (3,)])


def test_more_than_the_socket_takes_at_once():
    text = "x" * 20_000_000

    [[(answer,)]] = round_trips.execute(connection, Statement("SELECT %s::text", [text]))

    assert answer == text


def test_an_error_rolls_back_its_own_transaction():
    def insert(name: str) -> Statement:
        return Statement("INSERT INTO auth_group (name) VALUES (%s)", [name])

    with pytest.raises(IntegrityError):
        round_trips.execute(connection, BEGIN, insert("a"), COMMIT, BEGIN, insert("b"), insert("b"), COMMIT)
    connection.rollback()

    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM auth_group ORDER BY name")
        assert [name for (name,) in cursor.fetchall()] == ["a"]
    assert connection.is_usable()


def test_an_error_leaves_nothing_behind_that_the_next_call_meets():
    broken, sound = Statement("SELECT 1 / %s", ["0"]), Statement("SELECT %s::int", ["5"])
    for _ in range(2):
        with pytest.raises(Exception, match="division by zero"):
            round_trips.execute(connection, broken)
        assert round_trips.execute(connection, sound) == [[(5,)]]
    assert round_trips.pooled == set()


def test_an_interruption_closes_the_connection(monkeypatch):
    def interrupt(pgconn):
        raise KeyboardInterrupt

    connection.ensure_connection()
    monkeypatch.setattr(round_trips, "_results", interrupt)
    with pytest.raises(KeyboardInterrupt):
        round_trips.execute(connection, Statement("SELECT 1"))

    assert connection.connection is None


def test_a_server_that_goes_away_raises_the_error_that_django_knows():
    with pytest.raises(OperationalError):
        round_trips.execute(connection, Statement("SELECT pg_terminate_backend(pg_backend_pid())"))
