"""A durable job is written in the caller's transaction, published at its commit, and refused if it could never run."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.durable import DurableTask
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
    with django_assert_max_num_queries(25), committed():
        add.apply_async_many([(f"u{n}",) for n in range(1000)])

    assert broker.waiting()["fast"] == Job.objects.count() == 1000


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
