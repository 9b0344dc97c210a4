"""Test that a run neither fails nor is lost because the database is down for a moment."""

import logging
from types import SimpleNamespace

import pytest
from celery.exceptions import Ignore, SoftTimeLimitExceeded
from django.db import OperationalError

from djcelery_jobs.core import ledger
from djcelery_jobs.core.durable import DATABASE_PAUSES
from djcelery_jobs.models import State
from tests.lib.durable_jobs import deliver, effects, the_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def database(monkeypatch):
    """Let statements of the ledger fail: database.fails("begin", 2)."""
    monkeypatch.setattr("djcelery_jobs.core.durable.time.sleep", lambda seconds: None)
    monkeypatch.setattr("djcelery_jobs.core.durable.close_old_connections", lambda: None)  # the test has one

    def fails(name: str, times: int = 1000, error: type[Exception] = OperationalError) -> None:
        works, left = getattr(ledger, name), [error("the database is shutting down")] * times

        def statement(*args, **kwargs):
            if left:
                raise left.pop()
            return works(*args, **kwargs)

        monkeypatch.setattr(ledger, name, statement)

    return SimpleNamespace(fails=fails)


def test_a_delivery_waits_for_a_database_that_restarts(add, broker, committed, database, caplog):
    with committed():
        add.delay("a")
    database.fails("begin", len(DATABASE_PAUSES))

    deliver(the_job())

    assert effects() == ["a"]
    assert not [record for record in ours(caplog) if record.levelno >= logging.WARNING]


def ours(caplog):
    return [record for record in caplog.records if record.name.startswith("djcelery_jobs")]


@pytest.mark.parametrize("error", [OperationalError, SoftTimeLimitExceeded])
@pytest.mark.parametrize(
    ("statement", "fail"), [("begin", ""), ("schedule_retry", "transient"), ("mark_dead", "wrong")]
)
def test_a_delivery_during_a_longer_outage_is_no_failure_and_left_to_the_relay(
    add, broker, committed, database, caplog, statement, fail, error
):
    with committed():
        add.delay("a", fail)
    database.fails(statement, error=error)

    with pytest.raises(Ignore):
        deliver(the_job())

    assert the_job().state == State.WAITING
    [line] = [record for record in ours(caplog) if record.levelno >= logging.WARNING]
    assert (line.name, line.levelno) == ("djcelery_jobs.core.durable", logging.WARNING)


def test_the_soft_limit_while_the_outage_is_logged_is_no_failure(add, broker, committed, database, monkeypatch):
    def out_of_time(*args: object) -> None:
        raise SoftTimeLimitExceeded

    with committed():
        add.delay("a")
    database.fails("begin")
    monkeypatch.setattr("djcelery_jobs.core.durable.logger.warning", out_of_time)

    with pytest.raises(Ignore):
        deliver(the_job())
