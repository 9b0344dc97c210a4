"""Test that a durable job that fails is retried from its row, or kept as a dead letter."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import begin, deliver, effects, later, the_job

pytestmark = pytest.mark.django_db


def test_a_transient_error_is_retried_from_the_row_within_its_bound(add, broker, committed):
    with committed():
        add.delay("a", fail="transient")

    ran = broker.drain()

    assert [run.headers["retries"] for run in ran] == list(range(1 + add.max_retries))
    assert the_job().state == State.DEAD
    assert the_job().error == "ConnectionResetError: a"
    assert effects() == []


@pytest.mark.parametrize(
    "does",
    [
        pytest.param(lambda task: task.retry(args=["b"]), id="other arguments"),
        pytest.param(lambda task: task.retry(queue="slow"), id="another queue"),
        pytest.param(lambda task: task.replace(task.s()), id="another task"),
    ],
)
def test_it_is_retried_as_it_is(task, broker, committed, does):
    def work(self):
        does(self)

    with committed():
        task(work, base=DurableTask, bind=True).delay()
    broker.drain()

    assert (the_job().state, the_job().error[:30]) == (State.DEAD, "TypeError: tests.work is durab")


def test_a_wrong_job_fails_once_and_is_kept(add, broker, committed):
    with committed():
        add.delay("a", fail="wrong")

    assert len(broker.drain()) == 1

    job = the_job()
    assert (job.state, job.error, job.error_class) == (State.DEAD, "ValueError: a", "builtins.ValueError")
    assert "raise" in job.traceback
    assert effects() == []


def test_a_row_remembers_the_runs_before_the_last(add, broker, committed):
    with committed():
        add.delay("a", fail="transient")
    begin(the_job(), worker="first")
    later(jobs_settings.JUST_BEGUN + 1)
    retried = begin(the_job(), worker="second")
    ledger.schedule_retry(retried, at=timezone.now(), error=ConnectionResetError("a"))

    cut_off, failed = the_job().earlier_runs
    assert (cut_off["worker"], cut_off["error_class"]) == ("first", "celery.exceptions.WorkerLostError")
    assert (failed["worker"], failed["error"]) == ("second", "ConnectionResetError: a")
    assert failed["started_at"] == retried.started_at.isoformat() > cut_off["started_at"]


def test_a_row_remembers_so_many_runs_at_most(add, broker, committed, monkeypatch):
    monkeypatch.setattr(ledger, "EARLIER_RUNS", 2)
    with committed():
        add.delay("a", fail="transient")
    broker.drain()
    assert len(the_job().earlier_runs) == 2

    ledger.requeue(Job.objects.all())
    assert (the_job().earlier_runs, the_job().error_class) == (None, "")


def test_an_error_that_no_database_can_keep_is_kept_without_what_it_cannot(add, broker, committed):
    with committed():
        add.delay("a", fail="wrong")
    ledger.mark_dead(begin(the_job()), ValueError("a\0b\udce9"))

    assert the_job().error == "ValueError: a\ufffdb?"


def test_a_job_that_kills_its_process_is_dead_after_a_bound(add, broker, committed):
    with committed():
        add.delay("a", fail="killed")
    starts = 0
    while the_job().state == State.WAITING:
        later(1000)
        try:
            deliver(the_job())
        except KeyboardInterrupt:
            starts += 1
        except ledger.GivenUpError:
            assert the_job().state == State.DEAD

    assert starts == jobs_settings.MAX_REDELIVERIES + 1
    assert the_job().error == f"Its process died {starts} times while it ran."


def test_a_dead_job_can_be_sent_again(add, broker, committed):
    with committed():
        add.delay("a", fail="wrong")
    broker.drain()
    Job.objects.update(kwargs={})

    assert ledger.requeue(Job.objects.all()) == 1
    broker.drain()

    assert the_job().state == State.DONE
    assert effects() == ["a"]
    assert ledger.requeue(Job.objects.all()) == 0


def test_a_job_that_expired_and_is_sent_again_runs(add, broker, committed):
    with committed():
        add.apply_async(["a", "wrong"], expires=60)
    broker.drain()
    Job.objects.update(kwargs={}, args=["a"], expires_at=timezone.now() - timedelta(seconds=1))

    ledger.requeue(Job.objects.all())
    broker.drain()

    assert effects() == ["a"]


def test_a_dead_job_whose_key_is_taken_stays_dead_and_keeps_no_other_from_being_sent(add, broker, committed):
    for key in ("taken", "free"):
        with committed():
            add.apply_async([key, "wrong"], key=key)
    broker.drain()
    with committed():
        add.apply_async(["a"], key="taken")

    assert ledger.requeue(Job.objects.all()) == 1
    assert Job.objects.get(state=State.DEAD).key == "taken"


def test_an_old_copy_of_the_message_grants_no_further_retries(add, broker, committed):
    with committed():
        add.delay("a", fail="transient")
    Job.objects.update(attempts=add.max_retries)

    with pytest.raises(ConnectionResetError):
        deliver(the_job())
    assert the_job().state == State.DEAD


@pytest.mark.parametrize("error", [OperationalError("server closed the connection"), SoftTimeLimitExceeded(10)])
def test_a_database_that_fails_at_the_commit_is_no_fault_of_the_job(add, broker, committed, monkeypatch, error):
    @contextmanager
    def fails_at_the_commit(begun):
        with transaction.atomic():
            yield True
            raise error

    with committed():
        add.delay("a")
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "complete_in_transaction", fails_at_the_commit)
        broker.run_one()
    assert (the_job().state, the_job().attempts, effects()) == (State.DELAYED, 1, [])

    broker.drain()
    assert (the_job().state, effects()) == (State.DONE, ["a"])


@pytest.mark.parametrize("one_transaction", [True, False])
def test_a_run_whose_time_is_up_is_retried_and_in_the_end_dead(task, broker, committed, one_transaction):
    def wait() -> None:
        raise SoftTimeLimitExceeded(10)

    waits = task(wait, base=DurableTask, one_transaction=one_transaction)
    with committed():
        waits.delay()

    broker.run_one()
    assert (the_job().state, the_job().attempts) == (State.DELAYED, 1)

    broker.drain()
    assert (the_job().state, the_job().attempts) == (State.DEAD, waits.max_retries)
    assert "SoftTimeLimitExceeded" in the_job().error


def test_a_slow_run_that_was_given_up_cannot_fail_the_one_that_took_over(add, broker, committed):
    with committed():
        add.delay("a")
    slow = begin(the_job(), one_transaction=True)
    later(jobs_settings.JUST_BEGUN + 1)
    begin(the_job(), one_transaction=True)

    ledger.mark_dead(slow, ValueError())
    ledger.schedule_retry(slow, at=timezone.now())

    assert (the_job().state, the_job().attempts) == (State.WAITING, 0)


def test_a_dead_job_can_be_given_up(add, broker, committed):
    with committed():
        add.delay("a", fail="wrong")
    broker.drain()

    assert ledger.discard(Job.objects.all()) == 1
    assert the_job().state == State.DISCARDED


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise KeyError("no message")


@pytest.mark.parametrize("durable", [True, False])
def test_an_error_whose_message_cannot_be_made_fails_once_and_is_kept(task, broker, committed, durable):
    def work() -> None:
        raise UnspeakableError

    with committed():
        task(work, **({"base": DurableTask} if durable else {})).delay()

    assert len(broker.drain()) == 1
    assert (the_job().state, the_job().attempts) == (State.DEAD, 0)
    assert the_job().error == "UnspeakableError: <its __str__() raised KeyError>"
