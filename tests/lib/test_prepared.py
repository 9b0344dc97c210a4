"""Test that the statements of a run are prepared once for each connection, and not behind a pooler."""

import pytest
from django.db import connection, transaction

from djcelery_jobs.core import prepared
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import the_job

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(prepared, "pooled", set())
    connection.close()
    yield
    connection.close()


@pytest.fixture
def run(task, broker):
    def nothing() -> None:
        """Leave only what the ledger does."""

    made = task(nothing, base=DurableTask)

    def run() -> Job:
        Job.objects.all().delete()
        with transaction.atomic():
            made.delay()
        broker.run_one()
        return the_job()

    return run


def statements() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement.split()[0] for (statement,) in cursor.fetchall()]


def test_those_that_begin_and_end_a_run(run):
    assert run().state == State.DONE
    assert {*statements()} == {"UPDATE", "SELECT"}  # begin and done; the lock between them
    assert connection.connection.prepare_threshold is None  # other statements are sent as Django sends them


def test_none_where_the_settings_say_that_there_is_a_pooler(run, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)

    assert run().state == State.DONE
    assert statements() == []


def test_a_pooler_that_nobody_told_of_fails_no_job(run):
    run()
    connection.connection.pgconn.exec_(b"DEALLOCATE ALL")  # as if this were another connection to the server

    assert run().state == State.DONE
    assert prepared.pooled == {"default"}
    assert run().state == State.DONE
    assert statements() == []
