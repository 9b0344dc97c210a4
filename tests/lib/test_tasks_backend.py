"""Enqueue by Django's `@task`, and get durable jobs."""

import asyncio
import logging
import re
import signal
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded, WorkerLostError
from django.contrib.auth import get_user_model
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from djcelery_jobs import Workload
from djcelery_jobs.checks import check_jobs, every_function_fits_its_options, every_task_has_a_route
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger, outbox, tasks_api
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State
from djcelery_jobs.worker import task_modules
from tests.lib.durable_jobs import begin, deliver, effects, later, the_job

if not tasks_api.IS_AVAILABLE:
    pytest.skip("@task not installed", allow_module_level=True)

from djcelery_jobs.core import task_functions
from djcelery_jobs.core.tasks_api import InvalidTask, TaskResultDoesNotExist
from djcelery_jobs.core.tasks_api import TaskResultStatus as STATUS  # noqa: N814
from tests.lib.project.shop import functions

PATH = "tests.lib.project.shop.functions."


@pytest.fixture
def enqueue(broker, committed):
    """Enqueue a task and commit."""

    def enqueue(task, *args, **kwargs):
        with committed():
            return task.enqueue(*args, **kwargs)

    return enqueue


@pytest.fixture
def signals():
    """Return a list of the signals that were sent, each with its result's status."""
    sent = []
    names = ("task_enqueued", "task_started", "task_finished")
    receivers = {
        name: lambda sender, task_result, name=name, **other: sent.append((name, task_result.status)) for name in names
    }
    for name, receiver in receivers.items():
        getattr(tasks_api, name).connect(receiver)
    yield sent
    for name, receiver in receivers.items():
        getattr(tasks_api, name).disconnect(receiver)


@contextmanager
def configured(**entry):
    """Run with these values in the default entry of TASKS."""
    backend = {"BACKEND": "djcelery_jobs.tasks_backend.DurableBackend", **entry}
    with override_settings(TASKS={"default": backend}):
        yield tasks_api.task_backends["default"]


def options(path: str, **given) -> dict:
    return {"OPTIONS": {"tasks": {path: given}}}


# -- Enqueueing


def test_the_row_is_the_job(enqueue, broker):
    result = enqueue(functions.add, "a")
    job = the_job()

    assert (str(job.pk), job.task, job.args, job.queue) == (result.id, PATH + "add", ["a"], "slow")
    assert (result.status, result.enqueued_at, result.attempts) == (STATUS.READY, job.created_at, 0)
    [ran] = broker.drain()
    assert (ran.task, ran.headers["id"], ran.queue) == (PATH + "add", result.id, "slow")
    assert effects() == ["a"]
    assert the_job().state == State.DONE


def test_a_rollback_leaves_nothing(broker, committed, signals):
    with committed(), transaction.atomic():
        functions.add.enqueue("a")
        transaction.set_rollback(True)

    assert (Job.objects.count(), broker.drain(), signals) == (0, [], [])


@pytest.mark.django_db(transaction=True)
def test_a_thousand_enqueues_that_are_rolled_back_run_nothing(broker, signals):
    for n in range(1000):
        with transaction.atomic():
            functions.add.enqueue(str(n))
            transaction.set_rollback(True)

    assert (Job.objects.count(), broker.drain(), effects(), signals) == (0, [], [], [])


def test_an_enqueue_is_one_statement(broker, committed, django_assert_num_queries):
    with django_assert_num_queries(1), committed():
        functions.add.enqueue("a")


@pytest.mark.django_db(transaction=True)
def test_async_code_enqueues_with_await(broker):
    result = asyncio.run(functions.add.aenqueue("a"))

    assert broker.drain()
    assert asyncio.run(functions.add.aget_result(result.id)).status == STATUS.SUCCESSFUL


@pytest.mark.django_db(transaction=True)
def test_async_code_that_does_not_is_told_so(broker):
    async def wrong():
        functions.add.enqueue("a")

    with pytest.raises(SynchronousOnlyOperation, match=r"await task\.aenqueue"):
        asyncio.run(wrong())


@pytest.mark.parametrize("args", [[datetime.now()], [object()], [b"\xff"]])  # noqa: DTZ005
def test_arguments_that_are_not_json_are_refused(broker, args):
    with pytest.raises((TypeError, ValueError), match="Unsupported"):
        functions.add.enqueue(*args)


def test_arguments_that_the_function_does_not_take_are_refused(broker):
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        functions.add.enqueue()


def test_the_context_is_no_argument_of_the_caller(broker):
    with pytest.raises(TypeError, match="too many positional arguments"):
        functions.describe.enqueue("a context", 1)


def test_a_later_time_is_in_the_row(enqueue):
    when = timezone.now() + timedelta(hours=1)
    result = enqueue(functions.add.using(run_after=when), "a")

    assert (the_job().state, the_job().publish_at) == (State.DELAYED, when)
    assert functions.add.get_result(result.id).task.run_after == when


def test_an_earlier_time_is_now(enqueue):
    enqueue(functions.add.using(run_after=timezone.now() - timedelta(hours=1)), "a")

    assert the_job().state == State.WAITING


# -- Queues and priorities


def test_a_queue_is_a_workload_class(enqueue):
    enqueue(functions.mail)
    enqueue(functions.mail.using(queue_name="fast"))

    assert set(Job.objects.values_list("queue", flat=True)) == {"email", "fast"}
    assert outbox.queue_of(current_app.tasks[PATH + "mail"]) == "email"  # also where only the name is known


def test_the_default_queue_stands_for_the_route_of_the_task(enqueue, conf):
    conf(task_routes={**current_app.conf.task_routes, PATH + "add": {"queue": "fast"}})
    enqueue(functions.add, "a")

    assert the_job().queue == "fast"


def test_an_unknown_queue_is_refused():
    with pytest.raises(InvalidTask, match="Queue 'typo' is not valid"):
        functions.add.using(queue_name="typo")


def test_an_unknown_queue_is_refused_without_a_list_of_them_too():
    with configured(QUEUES=[]), pytest.raises(InvalidTask, match="Declare it in WORKLOADS"):
        functions.add.using(queue_name="typo")


def test_no_priority_where_the_broker_has_none():
    with pytest.raises(InvalidTask, match="does not support setting priority"):
        functions.add.using(priority=1)


@pytest.fixture
def urgent(conf, settings):
    """Have a workload class with priorities, as on RabbitMQ."""
    conf(broker_write_url="amqp://localhost")
    kind = Workload(concurrency=1, prefetch=1, soft_limit=10, hard_limit=20, kind="priority")
    settings.WORKLOADS = {**settings.WORKLOADS, "fast": kind}


def test_a_priority_of_the_api_becomes_one_of_the_broker(urgent, broker, conf):
    with transaction.atomic():
        for priority in (-100, -1, 0, 1, 100):
            functions.add.using(priority=priority, queue_name="fast").enqueue("a")
        plain = functions.add.enqueue("a")

    given = [job.options.get("priority") for job in Job.objects.filter(queue="fast").order_by("created_at")]
    assert given == sorted(given)
    assert (given[0], given[2], given[-1]) == (0, 5, 10)
    assert "priority" not in Job.objects.get(pk=plain.id).options
    urgent_result = functions.add.get_result(str(Job.objects.filter(queue="fast").latest("created_at").pk))
    assert urgent_result.task.priority == 100


def test_a_priority_in_a_queue_that_has_none_is_refused(urgent):
    with pytest.raises(InvalidTask, match="'email' has no priorities"):
        functions.add.using(priority=1, queue_name="email")


# -- Runs


def test_a_run_costs_no_more_statements_than_that_of_a_durable_task(enqueue, broker, django_assert_num_queries):
    # It inserts one user. The others are those of test_statements_per_job.py.
    enqueue(functions.add, "a")
    with django_assert_num_queries(5 + 1):
        broker.run_one()


def test_the_effect_and_the_job_are_one(enqueue, broker):
    enqueue(functions.add, "a", fail="wrong")
    broker.drain()

    assert (effects(), the_job().state) == ([], State.DEAD)


def test_a_task_in_steps_keeps_them(enqueue, broker, signals):
    enqueue(functions.add_in_steps, "a", fail=True)
    enqueue(functions.add_in_steps, "b")
    broker.drain()

    assert effects() == ["a", "b"]
    assert [status for name, status in signals if name == "task_finished"] == [STATUS.FAILED, STATUS.SUCCESSFUL]


def test_a_coroutine_runs_in_the_transaction_of_its_job(enqueue, broker):
    result = enqueue(functions.add_async, "a")
    enqueue(functions.add_async, "b", fail=True)
    broker.drain()

    assert functions.add_async.get_result(result.id).return_value is True
    assert effects() == ["a", "a2"]
    assert sorted(Job.objects.values_list("state", flat=True)) == [State.DEAD, State.DONE]


def test_a_coroutine_ends_when_its_time_is_up():
    ended = threading.Event()

    async def endless() -> None:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    def time_is_up(*args):
        raise SoftTimeLimitExceeded(1)

    before = signal.signal(signal.SIGUSR1, time_is_up)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            task_functions.run_coroutine(endless, (), {})
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert ended.wait(30)


def test_the_context_tells_of_the_run(enqueue, broker):
    result = enqueue(functions.describe.using(queue_name="fast"), fail_before=2)
    broker.drain()
    told = functions.describe.get_result(result.id).return_value

    assert (told["id"], told["attempt"], told["status"], told["queue"]) == (result.id, 2, "RUNNING", "fast")
    assert told["enqueued_at"] == the_job().created_at.isoformat()
    assert told["started_at"] == the_job().earlier_runs[0]["started_at"]


def test_sys_exit_fails_the_job_and_not_the_worker(enqueue, broker, signals):
    result = enqueue(functions.add, "a", fail="exit")
    broker.drain()

    [error] = functions.add.get_result(result.id).errors
    assert error.exception_class is SystemExit
    assert "SystemExit: enough" in error.traceback
    assert effects() == []
    assert signals[1:] == [("task_started", STATUS.RUNNING), ("task_finished", STATUS.FAILED)]


def test_a_process_that_is_told_to_end_fails_no_job(enqueue, monkeypatch):
    # It ends by a SystemExit too.
    enqueue(functions.add, "a", fail="exit")
    monkeypatch.setattr(task_functions, "terminate_handler_fired", lambda: True)
    with pytest.raises(SystemExit):
        deliver(the_job())

    assert (the_job().state, the_job().starts) == (State.WAITING, 1)


# -- Results


def test_each_status(enqueue, broker):
    result = enqueue(functions.add, "a", fail="transient")
    job = begin(the_job(), worker="one")
    result.refresh()
    assert (result.status, result.worker_ids, result.started_at) == (STATUS.RUNNING, ["one"], job.started_at)

    ledger.schedule_retry(job, at=timezone.now(), error=ConnectionResetError("a"))
    result.refresh()
    assert (result.status, result.worker_ids, result.started_at) == (STATUS.READY, ["one"], job.started_at)
    assert [error.exception_class for error in result.errors] == [ConnectionResetError]

    Job.objects.update(kwargs={})
    broker.drain()
    result.refresh()
    assert (result.status, result.attempts, result.is_finished) == (STATUS.SUCCESSFUL, 2, True)
    assert result.started_at < result.last_attempted_at <= result.finished_at


def test_a_failure_has_its_class_and_traceback(enqueue, broker):
    result = enqueue(functions.add, "a", fail="wrong")
    broker.drain()
    result.refresh()

    [error] = result.errors
    assert (result.status, error.exception_class, result.attempts) == (STATUS.FAILED, ValueError, 1)
    assert error.traceback.endswith("ValueError: a\n")
    with pytest.raises(ValueError, match="Task failed"):
        result.return_value  # noqa: B018


def test_a_job_that_killed_its_process_each_time_says_so(enqueue, broker, signals):
    result = enqueue(functions.add, "a", fail="killed")
    while the_job().state == State.WAITING:
        with pytest.raises(KeyboardInterrupt):
            deliver(the_job(), redelivered=True)
        later(jobs_settings.JUST_BEGUN + 1)
        if the_job().starts > jobs_settings.MAX_REDELIVERIES:
            with pytest.raises(ledger.GivenUpError):
                deliver(the_job(), redelivered=True)
    result.refresh()

    assert {error.exception_class for error in result.errors} == {WorkerLostError}
    assert result.attempts == jobs_settings.MAX_REDELIVERIES + 1
    assert [status for name, status in signals if name == "task_finished"] == [STATUS.FAILED]


def test_a_discarded_job_has_not_run(enqueue):
    result = enqueue(functions.add, "a")
    ledger.cancel(Job.objects.all(), by="somebody")
    result.refresh()

    [error] = result.errors
    assert (result.status, error.exception_class.__name__) == (STATUS.FAILED, "JobNotRunError")
    assert error.traceback == "Cancelled by somebody."


@pytest.mark.parametrize(("value", "twice"), [(21, 42), ("a", "aa"), ([1, None], [1, None] * 2), (0, 0)])
def test_a_value_is_kept_where_the_task_asks(enqueue, broker, value, twice):
    result = enqueue(functions.double, value)
    with pytest.raises(ValueError, match="Task has not finished yet"):
        result.return_value  # noqa: B018
    broker.drain()
    result.refresh()

    assert result.return_value == twice


def test_no_other_value_is_kept_and_the_result_says_so(enqueue, broker):
    result = enqueue(functions.add, "a")
    broker.drain()
    result.refresh()

    assert the_job().return_value is None
    with pytest.raises(ValueError, match="Give it keep_result=True"):
        result.return_value  # noqa: B018


def test_a_value_that_cannot_be_kept_fails_its_job(enqueue, broker):
    enqueue(functions.unkeepable)
    broker.drain()

    assert (the_job().state, the_job().error_class, effects()) == (State.DEAD, "builtins.TypeError", [])


def test_a_value_that_is_too_large_fails_its_job(enqueue, broker):
    enqueue(functions.double, "a" * (jobs_settings.MAX_RESULT_BYTES // 2 + 1))
    broker.drain()

    assert "bytes, 65536 are allowed" in the_job().error


def test_only_the_jobs_of_these_tasks_have_results(add, enqueue, committed):
    with committed():
        durable = add.delay("a")
    for result_id in (durable.id, "12", str(current_app.tasks)):
        with pytest.raises(TaskResultDoesNotExist):
            functions.add.get_result(result_id)


def test_the_module_of_a_result_is_imported(db, tmp_path, monkeypatch):
    package = tasks_api.Task.__module__.rpartition(".")[0]
    (tmp_path / "fresh_module.py").write_text(
        f"from {package} import task\n\n\n@task\ndef work() -> None: ...\n\n\ndef plain() -> None: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(task_functions, "declared", {})
    made = [
        Job.objects.create(task=f"fresh_module.{name}", queue="fast", publish_at=timezone.now())
        for name in ("work", "plain", "gone")
    ]
    backend = tasks_api.task_backends["default"]

    assert backend.get_result(str(made[0].pk)).task.name == "work"
    for job in made[1:]:
        with pytest.raises(TaskResultDoesNotExist, match="which is not a @task"):
            backend.get_result(str(job.pk))
    current_app.tasks.unregister("fresh_module.work")


# -- Signals


def test_the_signals_of_a_job(enqueue, broker, signals):
    enqueue(functions.add, "a")
    assert signals == [("task_enqueued", STATUS.READY)]

    broker.drain()
    assert signals[1:] == [("task_started", STATUS.RUNNING), ("task_finished", STATUS.SUCCESSFUL)]


def test_a_retry_is_not_the_end(enqueue, broker, signals):
    enqueue(functions.add, "a", fail="transient")
    broker.run_one()

    assert signals[1:] == [("task_started", STATUS.RUNNING)]


def test_a_receiver_that_raises_fails_no_job(enqueue, broker, signals):
    def broken(**kwargs):
        raise RuntimeError

    for name in ("task_enqueued", "task_started", "task_finished"):
        getattr(tasks_api, name).connect(broken, dispatch_uid="broken")
    try:
        enqueue(functions.add, "a")
        broker.drain()
    finally:
        for name in ("task_enqueued", "task_started", "task_finished"):
            getattr(tasks_api, name).disconnect(dispatch_uid="broken")

    assert (the_job().state, len(signals)) == (State.DONE, 3)


def test_a_run_that_another_has_finished_meanwhile_sends_no_signal(enqueue, signals, monkeypatch):
    enqueue(functions.add_in_steps, "a")
    task = current_app.tasks[PATH + "add_in_steps"]
    monkeypatch.setattr(task, "run", lambda name: Job.objects.update(state=State.DONE))
    deliver(the_job())

    assert [name for name, _ in signals] == ["task_enqueued", "task_started"]


def test_a_copy_that_comes_later_sends_no_signal(enqueue, broker, signals):
    enqueue(functions.add, "a")
    broker.drain()
    del signals[:]
    deliver(the_job())

    assert signals == []


# -- Options of one task


def test_the_options_of_the_decorator(enqueue, broker):
    enqueue(functions.patient, "a")
    enqueue(functions.patient, "a")
    job = the_job()
    assert job.key == "patient a"

    celery_task = current_app.tasks[PATH + "patient"]
    assert (celery_task.max_retries, celery_task.retry_backoff, celery_task.soft_time_limit) == (1, 7, 5)
    first, _ = broker.drain()
    assert first.headers["timelimit"] == [330, 5]
    assert (the_job().state, the_job().attempts) == (State.DEAD, 1)


def test_the_limits_are_those_of_the_workload_class(enqueue, broker):
    enqueue(functions.mail)

    assert broker.drain()[0].headers["timelimit"] == [60, 30]


def test_the_options_of_the_setting(enqueue, broker):
    with configured(**options(PATH + "add", keep_result=True, key="{name}")):
        result = enqueue(functions.add, "a")
        broker.drain()
        result.refresh()

        assert (result.return_value, the_job().key) == ("a", "a")


def test_the_setting_wins_over_the_code(enqueue):
    with configured(**options(PATH + "patient", key="other {name}")):
        enqueue(functions.patient, "a")

    assert the_job().key == "other a"


def test_the_setting_for_every_task_loses_against_the_code(enqueue):
    with configured(**options("*", key="same")):
        enqueue(functions.patient, "a")
        enqueue(functions.add, "a")

    assert set(Job.objects.values_list("key", flat=True)) == {"patient a", "same"}


def test_the_options_of_the_task_itself():
    # Django 6.1 and django-tasks pass them on; the class is the same everywhere.
    made = declared_with(max_attempts=3, timeout=4, keep_result=True)

    assert (made.max_attempts, made.using(queue_name="fast").timeout) == (3, 4)
    with pytest.raises(TypeError):
        declared_with(attempts=3)


def declared_with(**given):
    """Do what `@task(**given)` does there, with every field that Django 6.0 has no default for."""
    fields = {"priority": 0, "backend": "default", "queue_name": "default", "run_after": None}
    return tasks_api.task_backends["default"].task_class(func=functions.add.func, **fields, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_attempts": 0}, "whole number of at least 1, got 0"),
        ({"max_attempts": True}, "whole number"),
        ({"timeout": "5"}, "a number of seconds, at least 1, got '5'"),
        ({"backoff": 0}, "number of seconds"),
        ({"one_transaction": 1}, "True or False"),
        ({"key": 1}, "a text"),
        ({"key": "{"}, "not a format"),
    ],
)
def test_a_wrong_option_is_refused(given, said):
    with pytest.raises(InvalidTask, match=said):
        declared_with(**given)
    with pytest.raises(TypeError, match=said):
        functions.job_options(**given)
    with configured(**options(PATH + "add", **given)) as backend:
        assert any(said in message.msg for message in backend.check())


def test_the_decorator_names_what_it_does_not_know():
    with pytest.raises(TypeError, match=r"There is no option 'retries'\. Choose from max_attempts"):
        functions.job_options(retries=3)
    with pytest.raises(TypeError, match="below @task"):
        functions.job_options(max_attempts=3)(functions.add)


# -- Checks


def messages(**entry) -> list[str]:
    with configured(**entry) as backend:
        return [message.msg for message in backend.check()]


def test_the_checks_pass_where_all_is_well():
    assert messages() == []
    assert messages(QUEUES=["default", "fast"], **options("*", keep_result=True)) == []


def test_a_queue_that_is_no_workload_class_is_reported(conf):
    assert messages(QUEUES=["default", "typo"]) == [
        "TASKS['default'] has the queue typo, which is not a workload class."
    ]
    conf(task_default_queue="celery")
    assert messages() == ["The queue default of TASKS['default'] stands for celery, which is not a workload class."]


def test_an_unknown_option_is_reported():
    assert messages(OPTIONS={"task": {}}) == ["TASKS['default'] has an unknown option task."]


def test_a_timeout_beyond_the_limit_of_the_class_is_reported():
    with configured(**options(PATH + "mail", timeout=60)):
        [message] = [message.msg for message in every_function_fits_its_options(current_app)]
    assert message == f"{PATH}mail has a timeout of 60 s, and email ends each run after 60 s."


def test_a_key_with_another_name_than_an_argument_is_reported():
    with configured(**options(PATH + "add", key="{nam}")):
        [message] = [message.msg for message in every_function_fits_its_options(current_app)]
    assert "which is not an argument" in message


def test_manage_py_check_asks_for_no_route_of_these_tasks(conf):
    assert list(every_task_has_a_route(current_app)) == []


def test_a_route_of_a_task_in_a_module_of_any_name_is_no_typo(conf, monkeypatch, tmp_path):
    # The module is imported before its task is looked for.
    package = tasks_api.Task.__module__.rpartition(".")[0]
    (tmp_path / "jobs_of_a_kind.py").write_text(f"from {package} import task\n\n\n@task\ndef work() -> None: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(task_modules, "modules_with_tasks", lambda: ["jobs_of_a_kind", "jobs_of_no_kind"])
    conf(task_routes={**current_app.conf.task_routes, "jobs_of_a_kind.work": {"queue": "fast"}})

    assert [message.msg for message in check_jobs(None) if message.id == "djcelery_jobs.E002"] == []
    current_app.tasks.unregister("jobs_of_a_kind.work")
    task_functions.declared.pop("jobs_of_a_kind.work")


# -- Names, other backends, modules


def test_a_celery_task_of_the_same_name_is_refused(task, broker, monkeypatch):
    def add() -> None: ...

    celery_task = task(add, base=DurableTask)
    monkeypatch.setitem(current_app.tasks, PATH + "mail", celery_task)
    with pytest.raises(InvalidTask, match="is a Celery task as well"):
        task_functions.celery_task(functions.mail)


@pytest.mark.skipif(not find_spec("django_structlog"), reason="an interpreter not installed with every extra")
def test_the_failure_is_logged_once_and_under_the_path(enqueue, broker, caplog):
    result = enqueue(functions.add, "a", fail="wrong")
    broker.drain()

    [line] = [line for line in caplog.records if line.levelno >= logging.ERROR]
    assert line.name == "djcelery_jobs.failure"
    assert (line.levelno, line.task, line.task_id) == (logging.ERROR, PATH + "add", result.id)


def test_the_dummy_and_the_immediate_backend_keep_working(db):
    package = tasks_api.Task.__module__.rpartition(".")[0]
    with override_settings(TASKS={"default": {"BACKEND": f"{package}.backends.immediate.ImmediateBackend"}}):
        assert functions.double.enqueue(2).return_value == 4
    with override_settings(TASKS={"default": {"BACKEND": f"{package}.backends.dummy.DummyBackend"}}):
        functions.double.enqueue(2)
        [result] = tasks_api.task_backends["default"].results
        assert result.status == STATUS.READY
    assert not Job.objects.exists()


def test_inline_the_job_runs_at_the_commit(committed, db):
    # As in tests that do not ask for a broker.
    with committed():
        result = functions.double.enqueue(2)
    result.refresh()

    assert result.return_value == 4


def test_the_tasks_of_the_page_run(enqueue, broker, tmp_path, monkeypatch):
    package = tasks_api.Task.__module__.rpartition(".")[0]
    page = (Path(__file__).parents[2] / "docs" / "django-tasks.md").read_text()
    (tmp_path / "page_of_tasks").mkdir()
    for name, code in re.findall(r"```python\n# shop/(\w+\.py)\n(.*?)```", page, re.DOTALL):
        code = code.replace("django.tasks", package).replace('"slow"', '"report"')
        (tmp_path / "page_of_tasks" / name).write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    reports, tasks = import_module("page_of_tasks.reports"), import_module("page_of_tasks.tasks")

    enqueue(tasks.send_receipt, 7)
    report = enqueue(reports.build_report, "2026-11")
    broker.drain()
    report.refresh()

    assert report.return_value == {"month": "2026-11"}
    assert Job.objects.get(pk=report.id).key == "report 2026-11"
    for name in [name for name in task_functions.declared if name.startswith("page_of_tasks")]:
        current_app.tasks.unregister(name)
        task_functions.declared.pop(name)


def test_a_worker_finds_tasks_in_modules_of_any_name():
    assert PATH.rstrip(".") in set(task_modules.modules_with_tasks())


def test_a_requeued_job_begins_anew(enqueue, broker):
    result = enqueue(functions.add, "a", fail="wrong")
    broker.drain()
    Job.objects.update(args=["b"], kwargs={}, publish_at=F("publish_at"))
    ledger.requeue(Job.objects.all())
    result.refresh()
    assert (result.status, result.errors, result.attempts) == (STATUS.READY, [], 0)

    broker.drain()
    assert effects() == ["b"]
    assert get_user_model().objects.count() == 1
