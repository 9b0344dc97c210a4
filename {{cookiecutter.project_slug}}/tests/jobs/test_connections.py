"""Database connections of a worker."""

from collections.abc import Iterator

import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun, worker_init

from jobs import connections


@pytest.fixture
def looked(monkeypatch) -> Iterator[list[str]]:
    """A worker starts. How often it looked at its connections, and when."""
    looked: list[str] = []

    def look(signal, **kwargs) -> None:
        looked.append(signal.name)

    monkeypatch.setattr(connections, "close_old_connections", look)
    connections.look_after()
    yield looked
    for signal in (task_prerun, task_postrun):
        signal.disconnect(dispatch_uid="jobs.connections")


def test_celery_closes_none_of_them(monkeypatch):
    closed = []
    fixup = DjangoWorkerFixup(current_app._get_current_object())
    monkeypatch.setattr(fixup, "_close_database", lambda: closed.append("all"))

    for _ in range(3):
        fixup.close_database()

    assert closed == []


def test_before_and_after_each_job_those_that_broke_are_closed(looked, task, broker):
    def work() -> None:
        assert looked == ["task_prerun"]

    task(work).delay()
    broker.run_one()

    assert looked == ["task_prerun", "task_postrun"]


def test_a_worker_does_so_when_it_starts():
    assert any(key[0] == "jobs.connections" for key, _ in worker_init.receivers)
