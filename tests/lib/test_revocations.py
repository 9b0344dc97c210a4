"""Test that a durable job can be cancelled by `revoke` or `jobs discard ID`, and only before it has its effect."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery.signals import task_revoked
from django.core.management import call_command
from django.utils import timezone

from djcelery_jobs.models import Job, State
from djcelery_jobs.worker import revocations
from tests.lib.durable_jobs import begin, effects, later, the_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch):
    monkeypatch.setattr(revocations, "connections", SimpleNamespace(close_all=lambda: None))
    monkeypatch.setattr(revocations.time, "sleep", lambda seconds: None)


def revoke(task, *, terminated: bool = False, expired: bool = False) -> None:
    """Say what a worker says when it has discarded a message."""
    request = SimpleNamespace(id=str(the_job().pk))
    task_revoked.send(task, request=request, terminated=terminated, signum=None, expired=expired)


@pytest.mark.parametrize("options", [{}, {"countdown": 60}])
def test_a_revoked_job_is_discarded_and_does_not_come_back(add, broker, committed, options):
    with committed():
        add.apply_async(["a"], **options)

    revoke(add)
    later(1000)
    broker.drain()

    assert (the_job().state, the_job().error, effects()) == (State.CANCELLED, "Cancelled by revoke.", [])


def test_one_that_was_terminated_while_it_ran_is_discarded_too(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)

    revoke(long)  # another message of the job: the run goes on
    assert the_job().state == State.WAITING

    revoke(long, terminated=True)
    assert the_job().state == State.CANCELLED


def test_a_job_that_is_done_stays_done(add, broker, committed):
    with committed():
        add.delay("a")
    broker.drain()

    revoke(add, terminated=True)

    assert the_job().state == State.DONE


def test_a_message_that_expired_decides_nothing(add, broker, committed):
    with committed():
        add.delay("a")

    revoke(add, expired=True)

    assert the_job().state == State.WAITING


def test_a_plain_task_has_no_row(task, broker, monkeypatch, django_assert_num_queries):
    def plain() -> None:
        """Do nothing."""

    with django_assert_num_queries(0):
        revocations.discard_revoked(task(plain), SimpleNamespace(id="x"), terminated=False, expired=False)


def test_all_means_all_dead_ones(add, broker, committed, capsys):
    with committed():
        add.delay("a")
    Job.objects.create(task="x", queue="fast", state=State.DEAD, publish_at=timezone.now() - timedelta(days=1))

    call_command("jobs", "discard", "--all")

    assert sorted(Job.objects.values_list("state", flat=True)) == [State.DISCARDED, State.WAITING]
