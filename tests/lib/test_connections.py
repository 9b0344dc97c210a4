"""Test database connections of a worker."""

from collections.abc import Iterator
from contextlib import suppress
from unittest.mock import MagicMock

import pytest
from celery import current_app
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun, worker_init
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from djcelery_jobs.brokers.workloads import Workload
from djcelery_jobs.testing import memory_broker
from djcelery_jobs.worker import connections


@pytest.fixture
def looks(monkeypatch) -> Iterator[list[str]]:
    """Start a worker. Each time that it looks at its connections is noted."""
    looks: list[str] = []
    monkeypatch.setattr(connections, "close_old_connections", lambda: looks.append("look"))
    connections.keep_connections_between_jobs()
    yield looks
    for signal in (task_prerun, task_postrun):
        signal.disconnect(dispatch_uid="djcelery_jobs.worker.connections")


def test_celery_closes_none_of_them(monkeypatch):
    closed = []
    fixup = DjangoWorkerFixup(current_app._get_current_object())
    monkeypatch.setattr(fixup, "_close_database", lambda: closed.append("all"))

    for _ in range(3):
        fixup.close_database()

    assert closed == []


@pytest.fixture
def pause(monkeypatch):
    """Let a look be due again after so many seconds."""

    def pause(seconds: float) -> None:
        monkeypatch.setattr(connections, "LOOK_PAUSE", seconds)
        connections.looks.due_at = 0

    yield pause
    connections.looks.due_at = 0


def test_before_and_after_a_job_those_that_broke_are_closed(looks, pause, task, broker):
    def work() -> None:
        assert looks == ["look"]

    pause(0)
    task(work).delay()
    broker.run_one()

    assert looks == ["look", "look"]


@pytest.mark.django_db(transaction=True)
def test_jobs_that_follow_each_other_share_a_look(looks, pause, task):
    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 7")

    pause(3600)
    with memory_broker(current_app._get_current_object()) as broker:
        for _ in range(3):
            task(work).delay()
            broker.run_one()

    assert looks == ["look"]


@pytest.mark.django_db(transaction=True)
def test_after_an_error_of_the_database_they_do_not(looks, pause, task):
    def work() -> None:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    pause(3600)
    with memory_broker(current_app._get_current_object()) as broker:
        task(work).delay()
        broker.run_one()

    assert looks == ["look", "look"]


def test_the_transaction_of_a_job_that_runs_another_inline_is_not_disturbed(looks, task):
    def work() -> None:
        """Run where it is called."""

    task(work).apply()

    assert looks == []


def test_a_worker_does_so_when_it_starts():
    assert any(key[0] == "djcelery_jobs.worker.connections" for key, _ in worker_init.receivers)


@pytest.fixture
def three_at_once(settings):
    settings.WORKLOADS = {"fast": Workload(concurrency=3, prefetch=1, soft_limit=1, hard_limit=2)}


def test_each_job_at_the_same_time_has_one_and_so_has_who_reports(three_at_once):
    assert connections.connections_needed({"fast": 2}, web=2, beats=1) == {"web": 4, "worker fast": 8, "beat": 1}


def test_the_command_counts_them(db, three_at_once, capsys):
    call_command("jobs", "connections", "--workers", "fast=2", "--web", "1", "--beats", "2")

    assert capsys.readouterr().out.split()[-2:] == ["total", "12"]


def test_it_says_when_the_database_does_not_allow_so_many(db, three_at_once, monkeypatch):
    monkeypatch.setattr(connections, "connections_allowed", lambda: 97)
    call_command("jobs", "connections")

    with pytest.raises(CommandError, match=r"The database allows 97 connections\. Raise its max_connections"):
        call_command("jobs", "connections", "--workers", "fast=30")


@pytest.mark.parametrize("wrong", ["reprot=2", "fast=many", "fast"])
def test_what_is_no_number_of_workers_is_refused(three_at_once, wrong):
    with pytest.raises(CommandError, match=r"Write CLASS=N\. The classes are: fast"):
        call_command("jobs", "connections", "--workers", wrong)


def test_sqlite_counts_none(monkeypatch):
    monkeypatch.setattr(connections, "connection", MagicMock(vendor="sqlite"))

    assert connections.connections_allowed() is None


def test_postgresql_is_asked(monkeypatch):
    server = MagicMock(vendor="postgresql")
    server.cursor.return_value.__enter__.return_value.fetchone.return_value = (97,)
    monkeypatch.setattr(connections, "connection", server)

    assert connections.connections_allowed() == 97
