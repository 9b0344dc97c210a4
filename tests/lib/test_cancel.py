"""Cancel jobs that wait, are delayed, or run: the effect is there and the job done, or neither."""

from types import SimpleNamespace

import pytest
from celery import current_app
from celery.exceptions import Ignore
from celery.worker import state as worker_state
from django.core.management import call_command
from django.utils import timezone

from djcelery_jobs import job as this_job
from djcelery_jobs import operations
from djcelery_jobs.core import cancellations, current_job, ledger
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Cancellation, Job, State, Tally
from djcelery_jobs.worker import operators
from tests.lib.durable_jobs import begin, deliver, effects, later, the_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch):
    monkeypatch.setattr(operators, "decisions", operators.Decisions())
    monkeypatch.setattr(operators, "connections", SimpleNamespace(close_all=lambda: None))


def complete(begun: Job, task) -> None:
    with ledger.complete_in_transaction(begun) as ours:
        assert ours
        task.run("a")


def cancel(by: str = "ann") -> int:
    return operations.cancel(Job.objects.all(), by=by)


@pytest.mark.parametrize("options", [{}, {"countdown": 60}])
def test_a_job_that_is_yet_to_begin(add, broker, committed, capsys, options, caplog):
    with committed():
        add.apply_async(["a"], **options)

    call_command("jobs", "cancel", str(the_job().pk))

    assert (the_job().state, the_job().starts) == (State.CANCELLED, 0)
    assert the_job().cancelled_by
    assert the_job().error == f"Cancelled by {the_job().cancelled_by}."
    assert f"{the_job().cancelled_by} cancelled 1 jobs" in caplog.text
    assert "1 job cancelled." in capsys.readouterr().out
    later(1000)
    broker.drain()
    assert effects() == []
    assert (Tally.objects.get(outcome="cancelled").count, Cancellation.objects.count()) == (1, 0)


@pytest.mark.parametrize("which", ["add", "long"])
def test_one_that_runs_is_not_done_at_its_end(request, which, broker, committed):
    task = request.getfixturevalue(which)
    with committed():
        task.delay("a")
    begun = begin(the_job(), one_transaction=task.one_transaction)
    assert cancel() == 1
    assert the_job().state == State.WAITING  # it runs

    with pytest.raises(ledger.CancelledError):
        complete(begun, task)

    assert effects() == []
    assert ledger.finish_cancelled(begun.pk, run_has_ended=True)
    assert (the_job().state, the_job().cancelled_by, the_job().starts) == (State.CANCELLED, "ann", 0)


@pytest.mark.parametrize("fail", ["", "transient", "wrong"])
def test_however_its_run_ends(task, broker, committed, fail):
    def ends() -> None:
        cancel()
        if fail:
            raise {"transient": ConnectionResetError, "wrong": ValueError}[fail]

    made = task(ends, base=DurableTask, one_transaction=False)
    with committed():
        made.delay()
    broker.drain()

    assert (the_job().state, the_job().cancelled_by, the_job().attempts) == (State.CANCELLED, "ann", 0)


def test_one_that_is_done_stays_done(add, broker, committed):
    with committed():
        add.delay("a")
    broker.drain()

    assert cancel() == 0
    assert (the_job().state, effects()) == (State.DONE, ["a"])


def test_a_cancellation_that_came_too_late_is_forgotten(add, broker, committed):
    with committed():
        add.delay("a")
    begun = begin(the_job())
    with ledger.complete_in_transaction(begun):
        add.run("a")
    Cancellation.objects.create(job=begun.pk, requested_by="ann")  # as if it had been written at the same moment

    cancellations.finish()

    assert (the_job().state, Cancellation.objects.count()) == (State.DONE, 0)


@pytest.mark.parametrize(("which", "seconds"), [("add", 6), ("long", 3700)])
def test_one_whose_worker_is_gone_is_cancelled_by_beat_once_no_run_can_be_alive(
    request, which, seconds, broker, committed
):
    task = request.getfixturevalue(which)
    with committed():
        task.delay("a")
    begin(the_job(), one_transaction=task.one_transaction)
    cancel()

    cancellations.finish()
    assert the_job().state == State.WAITING

    later(seconds)
    cancellations.finish()
    assert (the_job().state, Cancellation.objects.count()) == (State.CANCELLED, 0)


def test_another_message_of_it_begins_nothing(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job())
    cancel()
    later(1000)

    assert deliver(the_job()) is None

    assert (the_job().state, effects()) == (State.CANCELLED, [])


def test_one_that_is_yet_to_begin_and_asked_to_end_does_not_begin(add, broker, committed):
    # Its row was locked at that moment, by the relay for example.
    with committed():
        add.delay("a")
    Cancellation.objects.create(job=the_job().pk, requested_by="ann")

    broker.drain()

    assert (the_job().state, effects()) == (State.CANCELLED, [])


def test_its_key_is_free_again(task, broker, committed):
    def keyed() -> None:
        """Do nothing."""

    made = task(keyed, base=DurableTask)
    with committed():
        first = made.apply_async(key="k")
    assert cancel() == 1
    with committed():
        assert made.apply_async(key="k").id != first.id


def test_it_can_be_sent_again(add, broker, committed):
    with committed():
        add.delay("a")
    cancel()

    assert operations.send_again(Job.objects.all(), by="ann") == 1
    broker.drain()

    assert (the_job().state, the_job().cancelled_by, effects()) == (State.DONE, "", ["a"])


# -- What a worker does


def running(task, pool) -> SimpleNamespace:
    """Return the request of the one job, as Celery has it while a process runs it."""
    request = SimpleNamespace(id=str(the_job().pk), task=task, name=task.name, terminated=[])
    request.terminate = lambda pool, signal: request.terminated.append((pool, signal))
    return request


@pytest.fixture
def active(monkeypatch):
    active = set()
    monkeypatch.setattr(worker_state, "active_requests", active)
    return active


class Request(SimpleNamespace):
    __hash__ = object.__hash__


def test_a_worker_ends_the_process_and_writes_it_down(long, broker, committed, active):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)
    ended = []
    request = Request(id=str(the_job().pk), task=long, name=long.name, terminate=lambda *a, **k: ended.append(k))
    active.add(request)
    consumer = SimpleNamespace(pool=None)
    operators.look()
    operators.end_cancelled(consumer)
    assert ended == []

    cancel()
    operators.look()
    operators.end_cancelled(consumer)
    operators.end_cancelled(consumer)  # once is enough
    assert ended == [{"signal": "SIGKILL"}]
    operators.look()

    assert (the_job().state, the_job().starts) == (State.CANCELLED, 0)
    operators.look()
    assert operators.decisions.ended == set()


def test_a_pool_that_cannot_end_one_job_lets_it_go_on(long, broker, committed, active):
    def no(*args, **options):
        raise NotImplementedError

    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)
    active.add(Request(id=str(the_job().pk), task=long, name=long.name, terminate=no))
    cancel()
    operators.look()
    operators.end_cancelled(SimpleNamespace(pool=None))
    operators.look()

    assert the_job().state == State.WAITING


# -- What a task can do itself


def test_a_task_can_ask(task, broker, committed, monkeypatch):
    monkeypatch.setattr(current_job, "LOOK_PAUSE", 0)
    seen = []

    def asks() -> None:
        seen.append(this_job.cancelled())
        cancel()
        seen.append(this_job.cancelled())

    made = task(asks, base=DurableTask, one_transaction=False)
    with committed():
        made.delay()
    broker.drain()

    assert seen == [False, True]
    assert the_job().state == State.CANCELLED


def test_asking_often_is_cheap(task, broker, committed, django_assert_num_queries):
    def asks() -> None:
        with django_assert_num_queries(1):
            assert not any(this_job.cancelled() for _ in range(1000))

    made = task(asks, base=DurableTask, one_transaction=False)
    with committed():
        made.delay()
    broker.drain()
    assert the_job().state == State.DONE


def test_outside_of_a_job_nothing_is_cancelled(task):
    def plain() -> bool:
        return this_job.cancelled()

    assert (this_job.cancelled(), this_job.id, task(plain)()) == (False, None, False)


def test_a_task_snoozes_without_spending_an_attempt(task, broker, committed):
    def waits_for_rate_limit() -> None:
        add_row("half of it")
        if not allowed:
            this_job.snooze(60)

    def add_row(name: str) -> None:
        current_app.tasks["tests.add"].run(name)

    allowed: list[bool] = []
    made = task(waits_for_rate_limit, base=DurableTask)
    with committed():
        made.delay()
    broker.run_one()

    assert (the_job().state, the_job().attempts, the_job().starts, effects()) == (State.DELAYED, 0, 0, [])
    assert 50 < (the_job().publish_at - timezone.now()).total_seconds() <= 60
    assert relay() == 0

    allowed.append(True)
    later(61)
    relay()
    broker.run_one()
    assert (the_job().state, the_job().attempts, effects()) == (State.DONE, 0, ["half of it"])


@pytest.fixture(autouse=True)
def _add(add):
    """Let a task call another's function."""


def test_snooze_says_what_it_wants(task, broker, committed):
    with pytest.raises(TypeError, match="either seconds or until"):
        this_job.snooze()
    with pytest.raises(TypeError, match="Only a durable job"):
        this_job.snooze(1)
    with pytest.raises(TypeError, match="Only a durable job"):
        task(lambda_snooze)()


def lambda_snooze() -> None:
    this_job.snooze(until=timezone.now())


def test_no_retry_takes_a_snooze_for_a_failure():
    assert issubclass(current_job.SnoozedError, Ignore)
