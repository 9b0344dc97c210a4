"""Database connections of a worker."""

from collections.abc import Iterator

import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun, worker_init

from jobs import connections


@pytest.fixture
def looks(monkeypatch) -> Iterator[list[str]]:
    """A worker starts. Each time that it looks at its connections is noted."""
    looks: list[str] = []
    monkeypatch.setattr(connections, "close_old_connections", lambda: looks.append("look"))
    connections.look_after()
    yield looks
    for signal in (task_prerun, task_postrun):
        signal.disconnect(dispatch_uid="jobs.connections")


def test_celery_closes_none_of_them(monkeypatch):
    closed = []
    fixup = DjangoWorkerFixup(current_app._get_current_object())
    monkeypatch.setattr(fixup, "_close_database", lambda: closed.append("all"))

    for _ in range(3):
        fixup.close_database()

    assert closed == []


def test_before_and_after_each_job_those_that_broke_are_closed(looks, task, broker):
    def work() -> None:
        assert looks == ["look"]

    task(work).delay()
    broker.run_one()

    assert looks == ["look", "look"]


def test_the_transaction_of_a_job_that_runs_another_inline_is_not_disturbed(looks, task):
    def work() -> None:
        """Runs where it is called."""

    task(work).apply()

    assert looks == []


def test_a_worker_does_so_when_it_starts():
    assert any(key[0] == "jobs.connections" for key, _ in worker_init.receivers)
