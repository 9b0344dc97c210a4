"""A durable job, from its dispatch to its end, whatever comes in between."""

import logging
import struct
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import chain, current_app, group
from celery.exceptions import Ignore, SoftTimeLimitExceeded
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger, outbox
from djcelery_jobs.core.durable import DATABASE_PAUSES, DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.task import ArgumentsTooLargeError
from djcelery_jobs.models import Job, State, job_id
from djcelery_jobs.telemetry.context import remember_request

pytestmark = pytest.mark.django_db

User = get_user_model()


@pytest.fixture
def add(task):
    """A durable task whose effect is one row with the given name; twice the same name would be an error."""

    def add(name: str, fail: str = "") -> str:
        User.objects.create(username=name)
        if fail:
            raise {"transient": ConnectionResetError, "wrong": ValueError, "killed": KeyboardInterrupt}[fail](name)
        return name

    return task(add, base=DurableTask)


@pytest.fixture
def long(task):
    """The same, not in one transaction."""

    def add_later(name: str) -> None:
        User.objects.create(username=name)

    return task(add_later, base=DurableTask, one_transaction=False)


def effects() -> list[str]:
    return sorted(User.objects.values_list("username", flat=True))


def the_job() -> Job:
    return Job.objects.get()


def deliver(job: Job, redelivered: bool = False, message_id: str = "1", **kwargs):
    """What a worker does with one delivery of a message of the job."""
    task, info = current_app.tasks[job.task], {"redelivered": redelivered}
    properties = {"message_id": message_id}
    task.push_request(id=str(job.pk), called_directly=False, delivery_info=info, properties=properties)
    try:
        return task(*job.args, **{**job.kwargs, **kwargs})
    finally:
        task.pop_request()


def begin(job: Job, *, one_transaction: bool = True, worker: str = "", message_id: str = "1") -> Job | None:
    """A worker begins a run, and no more."""
    delivery = ledger.Delivery(
        job_id=job.pk, one_transaction=one_transaction, worker=worker, message_id=message_id, queue=job.queue
    )
    return ledger.begin(delivery)


def later(seconds: float) -> None:
    """Let time pass for every job."""
    by = timedelta(seconds=seconds)
    for job in Job.objects.all():
        job.started_at = job.started_at and job.started_at - by
        job.publish_at -= by
        job.save()


# -- Dispatch


@pytest.mark.parametrize("how", ["delay", "delay_on_commit"])
def test_is_written_at_once_and_published_at_commit(add, broker, committed, how):
    with committed():
        getattr(add, how)("a")
        assert the_job().state == State.WAITING
        assert broker.waiting()["fast"] == 0

    assert broker.waiting()["fast"] == 1


def test_a_rollback_leaves_no_job(add, broker):
    with transaction.atomic():
        add.delay("a")
        transaction.set_rollback(True)

    assert not Job.objects.exists()
    assert broker.drain() == []


def test_keeps_its_id_from_row_to_run(add, broker, committed):
    with committed():
        result = add.delay("a")
    [run] = broker.drain()

    assert run.headers["id"] == result.id == str(the_job().pk)
    assert the_job().state == State.DONE


def test_thousands_at_once_take_few_statements(add, broker, committed, django_assert_max_num_queries):
    with django_assert_max_num_queries(25), committed():
        add.apply_async_many([(f"u{n}",) for n in range(1000)])

    assert broker.waiting()["fast"] == Job.objects.count() == 1000


def test_the_relay_counts_what_is_alike_in_one_statement(add, broker, committed, django_assert_max_num_queries):
    with committed():
        add.apply_async_many([(f"now {n}",) for n in range(50)])
        add.apply_async_many([(f"later {n}",) for n in range(50)], countdown=60)
    assert Job.objects.filter(waiting_since=None).count() == 50
    later(1000)

    with django_assert_max_num_queries(5):  # two of them begin and end the transaction
        assert relay() == 100

    assert broker.waiting()["fast"] == 150
    assert set(Job.objects.values_list("state", "publications")) == {(State.WAITING, 1)}
    assert not Job.objects.filter(waiting_since=None).exists()
    assert not Job.objects.filter(publish_at__lte=timezone.now()).exists()


def test_one_unfinished_job_for_a_key(add, broker, committed):
    with committed():
        first = add.apply_async(["a"], key="k")
        second = add.apply_async(["b"], key="k")
    assert first.id == second.id
    broker.drain()
    with committed():
        third = add.apply_async(["c"], key="k")
    broker.drain()

    assert third.id != first.id
    assert effects() == ["a", "c"]


def test_a_key_is_for_one_job(add):
    with pytest.raises(TypeError, match="one by one"):
        add.apply_async_many([("a",), ("b",)], key="k")


def test_a_key_is_of_one_task(add, long, broker, committed):
    with committed():
        add.apply_async(["a"], key="k")

    with pytest.raises(ValueError, match="Name the task"):
        long.apply_async(["a"], key="k")


def test_a_job_that_expired_keeps_its_key_from_no_other(add, broker, committed):
    with committed():
        add.apply_async(["old"], key="k", expires=60)
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with committed():
        add.apply_async(["new"], key="k")
    broker.drain()

    assert effects() == ["new"]


def test_what_follows_a_plain_task_that_was_delivered_twice_is_one_job(add, task, broker, committed):
    def plain():
        """Nothing."""

    first = task(plain)
    message = chain(first.si(), add.si("a"))
    message.freeze()
    for _ in range(2):
        with committed():
            add.apply_async(["a"], task_id=message.tasks[-1].id)
    broker.drain()

    assert effects() == ["a"]


def test_an_id_is_used_once(add, broker, committed):
    with committed():
        first = add.apply_async(["a"], key="k")
    broker.drain()

    with pytest.raises(IntegrityError):
        add.apply_async(["b"], key="k", task_id=first.id)


def test_a_countdown_is_kept_in_the_row_and_not_in_the_broker(add, broker, committed):
    with committed():
        add.apply_async(["a"], countdown=60)
    relay()
    assert (the_job().state, broker.waiting()["fast"]) == (State.DELAYED, 0)

    later(61)
    relay()
    assert (the_job().state, broker.waiting()["fast"]) == (State.WAITING, 1)


def test_a_task_that_expires_says_so_in_the_row_and_not_in_the_message(task, broker, committed):
    def soon():
        """Never runs."""

    with committed():
        task(soon, base=DurableTask, expires=60).delay()
    assert the_job().expires_at
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    [ran] = broker.drain()

    assert ran.headers["expires"] is None
    assert the_job().state == State.DISCARDED


def test_in_a_shorter_class_it_has_the_limit_of_that_class(add, broker, committed, conf):
    add.time_limit, add.soft_time_limit = 1000, 900
    with committed():
        add.delay("a")

    [ran] = broker.drain()

    assert ran.headers["timelimit"] == [20, 20]


def test_a_job_that_expired_does_not_run(add, broker, committed):
    with committed():
        add.apply_async(["a"], expires=60)
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    broker.drain()

    assert the_job().state == State.DISCARDED
    assert effects() == []


def test_arguments_come_back_as_celery_would_send_them(task, broker, committed):
    seen = []
    when = timezone.now()

    def look(value):
        seen.append(value)

    with committed():
        task(look, base=DurableTask).delay({"when": when})
    broker.drain()

    assert seen == [{"when": when}]


def test_too_large_arguments_are_refused(add, task, broker):
    def plain(text):
        """Never runs."""

    for refuses in (add, task(plain)):
        with pytest.raises(ArgumentsTooLargeError, match=f"{jobs_settings.MAX_ARGUMENT_BYTES} are allowed"):
            refuses.delay("x" * jobs_settings.MAX_ARGUMENT_BYTES)
    with pytest.raises(ArgumentsTooLargeError):
        add.apply_async_many([("x",), ("x" * jobs_settings.MAX_ARGUMENT_BYTES,)])
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("args", "options", "says"),
    [
        (["a", "wrong", "one too many"], {}, "positional argument"),
        ([], {}, "missing"),
        (["a\0"], {}, "a NUL"),
        (["caf\udce9.txt"], {}, "no text"),
        ([float("nan")], {}, "NaN"),
        (["a"], {"key": "k" * 201}, "201"),
        (["a"], {"time_limit": 21}, "20 s"),
        (["a"], {"priority": "high"}, "'high' is none"),
        (["a"], {"task_id": "my-id"}, "my-id is no UUID"),
    ],
)
def test_what_could_never_run_is_refused_where_it_is_dispatched(add, args, options, says):
    with pytest.raises((TypeError, ValueError), match=says):
        add.apply_async(args, **options)
    assert not Job.objects.exists()


def test_limits_of_one_job_go_along_with_it(add, broker, committed):
    with committed():
        add.apply_async(["a"], time_limit=9, soft_time_limit=8, priority=0)

    [ran] = broker.drain()

    assert ran.headers["timelimit"] == [9, 8]


def test_a_chord_is_refused(add):
    with pytest.raises(TypeError, match="cannot be in a chord"):
        add.apply_async(["a"], chord={"task": "x"})


def test_a_chain_goes_on_in_the_same_transaction(add, task, broker, committed):
    def last(name):
        User.objects.create(username=f"plain {name}")

    with committed():
        chain(add.si("a"), add.si("b"), task(last).s()).apply_async()
    with committed():
        broker.drain()
    broker.drain()

    assert effects() == ["a", "b", "plain b"]
    assert Job.objects.filter(state=State.DONE).count() == 2


def test_so_does_a_group_that_ends_a_chain(add, task, broker, committed):
    def last(name):
        User.objects.create(username=f"plain {name}")

    with committed():
        chain(add.si("a"), group(add.si("b"), chain(add.si("c"), add.si("d")), task(last).s())).apply_async()

    with committed():
        broker.drain()  # in here nothing that waits for a commit has happened yet
        assert effects() == ["a", "b", "c", "d"]
    broker.drain()
    assert effects() == ["a", "b", "c", "d", "plain a"]


def test_who_dispatched_it_is_known(add, broker, committed, rf):
    request = rf.post("/somewhere")
    request.user = User(username="ann")

    with committed():
        remember_request(lambda request: add.delay("a"))(request)

    assert the_job().dispatched_by == "ann, POST /somewhere"


def test_what_it_is_told_along_with_its_arguments_is_never_refused(add, broker, committed, rf):
    request = rf.post("/some\0where")

    with committed(), bound_contextvars(file="a\0", ratio=float("nan")):
        remember_request(lambda request: add.delay("a"))(request)

    assert the_job().dispatched_by == "a visitor, POST /some\ufffdwhere"
    assert the_job().options["context"] == {"file": "a\ufffd", "ratio": "NaN"}


# -- Effect once


def test_a_message_that_came_without_a_row_gets_one(add, broker, committed):
    broker.app.send_task(add.name, ["a"], queue="fast")
    broker.drain()

    assert (effects(), the_job().state) == (["a"], State.DONE)


def test_an_id_of_ones_own_making_is_one_job(add, broker, committed):
    for _ in range(2):
        broker.app.send_task(add.name, ["a"], queue="fast", task_id="my-own")
    broker.drain()

    assert (effects(), the_job().pk, the_job().state) == (["a"], job_id("my-own"), State.DONE)


def test_a_task_that_calls_itself_does_so_in_one_job(task, broker, committed):
    def down(number):
        User.objects.create(username=str(number))
        if number:
            made(number - 1)

    made = task(down, base=DurableTask)
    with committed():
        made.delay(2)
    broker.drain()

    assert effects() == ["0", "1", "2"]
    assert the_job().state == State.DONE


def test_delivered_again_ends_quietly(add, broker, committed):
    with committed():
        add.delay("a")
    broker.drain()

    deliver(the_job())

    assert effects() == ["a"]


def test_killed_in_the_middle_leaves_nothing_and_runs_again(add, broker, committed):
    with committed():
        add.delay("a", fail="killed")
    with pytest.raises(KeyboardInterrupt):
        deliver(the_job())
    assert effects() == []
    assert (the_job().state, the_job().starts) == (State.WAITING, 1)

    later(10)
    deliver(the_job(), fail="")

    assert effects() == ["a"]
    assert the_job().state == State.DONE


def test_a_run_that_has_just_begun_is_not_disturbed(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), one_transaction=True)

    deliver(the_job())
    assert effects() == []

    later(jobs_settings.JUST_BEGUN + 1)  # it was killed before it took the lock
    assert relay() == 1
    broker.drain()
    assert effects() == ["a"]


def test_a_long_task_is_left_alone_until_it_must_be_dead(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)

    deliver(the_job())
    assert effects() == []
    later(1000)
    deliver(the_job())
    assert effects() == ["a"]


def test_a_long_task_runs_again_when_the_broker_says_that_its_process_is_gone(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)

    # A copy that the relay sent: that its process is gone says nothing about the run, which is another message's.
    deliver(the_job(), redelivered=True, message_id="2")
    assert effects() == []

    deliver(the_job(), redelivered=True)
    assert effects() == ["a"]


def test_the_same_holds_for_a_run_that_is_not_the_first(long, broker, committed):
    with committed():
        long.delay("a")
    begin(the_job(), one_transaction=False)
    later(1000)
    begin(the_job(), one_transaction=False, message_id="2")

    deliver(the_job(), redelivered=True)
    assert effects() == []

    deliver(the_job(), redelivered=True, message_id="2")
    assert effects() == ["a"]


def test_each_message_of_a_job_has_an_id_of_its_own(add, broker, committed):
    with committed():
        add.delay("a")
    later(1000)
    assert relay() == 1

    with broker.app.connection_for_read() as connection:
        queue = broker.app.amqp.queues[the_job().queue](connection.default_channel)
        ids = {queue.get().properties["message_id"] for _ in range(2)}

    assert len(ids) == 2


def test_the_row_keeps_the_id_of_the_message_that_a_worker_took(add, broker, committed):
    with committed():
        add.delay("a")

    broker.drain()

    assert len(the_job().message_id) == 36


# -- Failure


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
    assert (job.state, job.error) == (State.DEAD, "ValueError: a")
    assert "raise" in job.traceback
    assert effects() == []


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


# -- The relay and a broker that is away


def test_what_the_broker_lost_is_published_again(add, broker, committed):
    with committed():
        add.delay("a")
    broker.clear()

    assert relay() == 0
    later(61)
    assert relay() == 1
    broker.drain()

    assert effects() == ["a"]


def test_copies_become_rarer(add, broker, committed):
    with committed():
        add.delay("a")
    waits = []
    for _ in range(3):
        later((the_job().publish_at - timezone.now()).total_seconds() + 1)
        relay()
        waits.append((the_job().publish_at - timezone.now()).total_seconds())

    assert waits[1] / waits[0] == pytest.approx(2, rel=0.01)
    assert waits[2] / waits[1] == pytest.approx(2, rel=0.01)


def test_a_broker_that_is_away_costs_one_caller_and_loses_nothing(add, broker, committed, monkeypatch):
    tried = []

    def away(*args, **kwargs):
        tried.append(args)
        raise ConnectionRefusedError

    monkeypatch.setattr(outbox, "breaker", breaker := outbox.Breaker())
    monkeypatch.setattr(breaker, "_close_when_it_answers", lambda app: None)
    monkeypatch.setattr(outbox, "send", away)
    with committed():
        add.delay("a")
    with committed():
        add.delay("b")

    assert len(tried) == 1
    assert relay() == 0
    monkeypatch.undo()
    broker.drain()
    assert effects() == ["a", "b"]


def test_a_task_that_no_deploy_brings_back_is_dead(broker):
    job = Job.objects.create(task="gone.tasks.x", queue="fast", publish_at=timezone.now())
    relay()
    assert the_job().state == State.WAITING

    Job.objects.update(created_at=job.created_at - timedelta(days=1), publish_at=timezone.now())
    relay()
    assert (the_job().state, the_job().error) == (State.DEAD, "No task is called gone.tasks.x.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"queue": "gone"}, "No queue is called gone."),
        ({"args": ["a", "", "b"]}, "TypeError: "),
        ({"args": [{"__type__": "decimal", "__value__": "abc"}]}, "InvalidOperation: "),
        ({"args": [{"__type__": "bytes", "__value__": 1}]}, "AttributeError: "),
    ],
)
def test_a_job_that_the_code_cannot_send_any_more_is_dead_and_keeps_no_other_from_being_sent(
    add, broker, committed, change, says
):
    with committed():
        add.apply_async_many([("a",), ("b",)], countdown=60)
    first = Job.objects.first()
    Job.objects.filter(pk=first.pk).update(**change)
    later(100)
    relay()
    assert outbox.breaker.closed
    assert broker.waiting()["fast"] == 1
    assert Job.objects.get(pk=first.pk).state == State.DELAYED  # a deploy may be under way

    Job.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=1), publish_at=timezone.now())
    relay()
    first.refresh_from_db()
    assert (first.state, first.error[: len(says)]) == (State.DEAD, says)


def test_a_job_that_no_message_can_carry_keeps_no_other_from_being_sent(add, broker, committed, caplog, monkeypatch):
    def send(job, **options):
        if job.args == ["a"]:
            raise struct.error
        given(job, **options)

    given = outbox.send
    monkeypatch.setattr(outbox, "send", send)
    with committed():
        add.apply_async_many([("a",), ("b",)])

    assert outbox.breaker.closed
    assert broker.waiting()["fast"] == 1
    assert "cannot send" in caplog.text


def test_a_run_that_the_worker_ended_itself_does_not_count(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), worker="fast-1")

    ledger.release([the_job().pk], worker="fast-1")
    assert the_job().starts == 0

    assert relay() == 1
    broker.drain()
    assert effects() == ["a"]


def test_a_worker_that_gives_back_late_does_not_touch_the_run_of_another(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job(), worker="fast-1")
    later(jobs_settings.JUST_BEGUN + 1)
    begin(the_job(), worker="fast-2")

    ledger.release([the_job().pk], worker="fast-1")

    assert the_job().starts == 2
    assert the_job().started_at is not None


# -- What it costs


def test_a_dispatch_is_one_statement(add, broker, committed, django_assert_num_queries):
    with django_assert_num_queries(1), committed():
        add.delay("a")


def test_a_run_is_one_statement_to_begin_and_a_transaction_of_two_for_the_effect(task, broker, committed):
    def nothing():
        """What is left is what the row costs."""

    with committed():
        task(nothing, base=DurableTask).delay()
    with CaptureQueriesContext(connection) as queries:
        broker.run_one()

    assert [query["sql"].split()[0] for query in queries] == ["UPDATE", "SAVEPOINT", "SELECT", "UPDATE", "RELEASE"]
    assert the_job().state == State.DONE


# -- A database that is away


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
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


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
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (line.name, line.levelno) == ("djcelery_jobs.core.durable", logging.WARNING)


# -- Inline


def test_inline_it_runs_at_commit(add, committed):
    with committed():
        add.delay("a")
        assert effects() == []

    assert effects() == ["a"]
    assert the_job().state == State.DONE


def test_inline_a_failure_is_raised(add, committed):
    with pytest.raises(ValueError, match="a"), committed():
        add.delay("a", fail="wrong")
    assert the_job().state == State.DEAD


@pytest.mark.parametrize("how", [lambda task: task, lambda task: task.s()], ids=["task", "signature"])
def test_applied_it_runs_here_and_now_without_a_job(add, broker, how):
    assert how(add).apply(["a"]).get() == "a"
    assert how(add).apply(["b", "wrong"], throw=False).state == "FAILURE"
    assert how(add).apply(["c"], task_id="my-own").get() == "c"

    assert effects() == ["a", "c"]
    assert not Job.objects.exists()


def test_called_as_a_function_it_is_a_transaction_without_a_job(add):
    with pytest.raises(ValueError, match="a"):
        add("a", fail="wrong")
    add("b")

    assert effects() == ["b"]
    assert not Job.objects.exists()
