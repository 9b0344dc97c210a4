"""Test that a durable job is written in the caller's transaction, published at its commit, and refused if faulty."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from celery import current_app
from django.contrib.auth import get_user_model
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import outbox
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.ledger import BATCH
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.task import ArgumentsTooLargeError
from djcelery_jobs.models import Job, State
from djcelery_jobs.telemetry.context import remember_request
from tests.lib.durable_jobs import effects, the_job

pytestmark = pytest.mark.django_db

User = get_user_model()


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
    with django_assert_max_num_queries(36), committed():
        add.apply_async_many([(f"u{n}",) for n in range(1000)])

    # Whoever dispatches them waits for some hundred messages; the relay sends the others at its next tick.
    assert broker.waiting()["fast"] == outbox.MAX_AT_COMMIT == 200
    while relay() == BATCH:
        pass
    assert broker.waiting()["fast"] == Job.objects.count() == 1000


def test_so_it_is_when_they_are_dispatched_one_by_one(add, broker, committed, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_AT_COMMIT", 3)
    with committed():
        for number in range(5):
            add.delay(f"u{number}")
        transaction.on_commit(lambda: None)  # somebody else's
        add.delay("last")

    assert broker.waiting()["fast"] == 3
    assert relay() == 3
    assert broker.waiting()["fast"] == 6


def test_what_was_rolled_back_does_not_count_as_published(add, broker, committed, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_AT_COMMIT", 3)
    with committed():
        with transaction.atomic():
            add.apply_async_many([("a",), ("b",), ("c",)])
            transaction.set_rollback(True)
        add.delay("d")

    assert broker.waiting()["fast"] == 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("countdown", timedelta(minutes=5), "a number of seconds"),
        ("countdown", "10", "a number of seconds"),
        ("expires", timedelta(minutes=5), "a number of seconds or a datetime"),
        ("eta", 5, "a datetime"),
        ("eta", timedelta(minutes=5), "a datetime"),
        ("time_limit", "60", "a number of seconds"),
        ("soft_time_limit", timedelta(seconds=1), "a number of seconds"),
        ("priority", 1.5, "a whole number"),
    ],
)
@pytest.mark.parametrize("durable", [True, False])
def test_an_option_of_a_wrong_type_is_named(add, task, broker, durable, option, value, says):
    def plain(name: str) -> None:
        """Do nothing: it never runs."""

    with pytest.raises(TypeError, match=f"The option {option} must be {says}, got"):
        (add if durable else task(plain)).apply_async(["a"], **{option: value})

    assert not Job.objects.exists()


def test_a_time_without_a_zone_is_in_djangos(add, broker, committed):
    with timezone.override("Europe/Vienna"), committed():
        add.apply_async(["a"], eta=datetime(2050, 1, 1, 12), expires=datetime(2050, 7, 1, 12))  # noqa: DTZ001

    assert (the_job().publish_at.hour, the_job().expires_at.hour) == (11, 10)


def test_in_async_code_it_says_what_to_write(add, broker):
    async def view() -> None:
        add.delay("a")

    with pytest.raises(SynchronousOnlyOperation, match=r"await task\.adelay"):
        asyncio.run(view())


def test_async_code_can_dispatch(add, task, broker, committed):
    def plain(name: str) -> None:
        """Do nothing: it never runs."""

    async def view() -> None:
        await add.adelay("a")
        await add.aapply_async(["b"], countdown=5)
        await task(plain).adelay("c")

    with committed():
        async_to_sync(view)()

    assert sorted(job.args for job in Job.objects.all()) == [["a"], ["b"]]
    assert broker.waiting()["fast"] == 2


@pytest.mark.django_db(transaction=True)
def test_a_transaction_of_another_database_is_warned_of(add, broker, caplog, monkeypatch):
    other = SimpleNamespace(alias="second", in_atomic_block=True)
    monkeypatch.setattr(type(outbox.connections), "all", lambda self, initialized_only: [other])

    add.delay("a")
    assert "in a transaction of the database 'second'" in caplog.text

    caplog.clear()
    with transaction.atomic():
        add.delay("b")
    assert "second" not in caplog.text


@pytest.mark.parametrize(
    "value",
    [1e22, -0.0, 1e15, 1e16, 5e-324, 10**30, {"bb": 1, "a": 2, "é": 3}, Decimal("1.50"), [{"x": 1e300}]],
    ids=repr,
)
def test_the_relay_sends_what_was_sent_at_once(task, broker, committed, value):
    def look(value: object) -> None:
        seen.append(value)

    seen: list[object] = []
    with committed():
        task(look, base=DurableTask).delay(value)
    broker.run_one()
    Job.objects.update(state=State.WAITING, started_at=None, starts=0, needs_publishing=True, publish_at=timezone.now())
    relay()
    broker.run_one()

    at_once, by_relay = seen
    assert (repr(at_once), type(at_once)) == (repr(by_relay), type(by_relay))
    assert at_once == value
    assert isinstance(value, dict) or repr(at_once) == repr(value)


def test_a_task_that_expires_says_so_in_the_row_and_not_in_the_message(task, broker, committed):
    def soon():
        """Do nothing: it never runs."""

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


@pytest.mark.parametrize(("soft", "hard"), [(5, 15), (None, 15), (5, None), (None, None), (50, 60)])
def test_celerys_limits_for_all_tasks_do_not_count_beside_those_of_the_class(add, broker, committed, conf, soft, hard):
    # Celery gives each task that declares no limit those of the settings.
    conf(task_soft_time_limit=soft, task_time_limit=hard)
    add.soft_time_limit, add.time_limit = soft, hard
    with committed():
        add.delay("a")

    [ran] = broker.drain()

    assert ran.headers["timelimit"] == [20, 10]


def test_limits_of_the_task_itself_count(add, broker, committed, conf):
    conf(task_soft_time_limit=15, task_time_limit=16)
    add.soft_time_limit, add.time_limit = 5, 6
    with committed():
        add.delay("a")

    [ran] = broker.drain()

    assert ran.headers["timelimit"] == [6, 5]


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
        """Do nothing: it never runs."""

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
        (["caf\udce9.txt"], {}, "not text"),
        ([float("nan")], {}, "NaN"),
        ([{"__type__": "uuid", "__value__": "no"}], {}, "cannot be read back"),
        ([{"__type__": "nothing", "__value__": 1}], {}, "cannot be read back"),
        (["a"], {"key": "k" * 201}, "201"),
        (["a"], {"time_limit": 21}, "20 s"),
        (["a"], {"priority": "high"}, "priority must be a whole number, got 'high'"),
        (["a"], {"task_id": "my-id"}, "must be a UUID, got 'my-id'"),
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


def probe() -> None:
    """Do nothing."""


def test_a_durable_task_goes_to_the_queue_that_it_names_itself(broker, committed, conf, task):
    task(probe, base=DurableTask, queue="slow")
    conf(task_routes={name: route for name, route in current_app.conf.task_routes.items() if "probe" not in name})
    with committed():
        current_app.tasks["tests.probe"].delay()
    assert {name: count for name, count in broker.waiting().items() if count} == {"slow": 1}


def test_a_durable_task_is_acknowledged_late_whatever_other_tasks_are(conf, task):
    conf(task_acks_late=False, task_reject_on_worker_lost=False)
    durable = task(probe, base=DurableTask)
    assert (durable.acks_late, durable.reject_on_worker_lost) == (True, True)
