"""Test each runtime check, with the mistake that it is for."""

import os
import ssl
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Task, current_app
from celery.schedules import crontab
from django.core.management import call_command

from djcelery_jobs.checks import check_jobs
from djcelery_jobs.core.durable import DurableTask

ROOT = Path(__file__).parents[2]
# What a test gets that names a URL of RabbitMQ and leaves the queues as they are.
QUEUES_OF_ANOTHER_BROKER = {"djcelery_jobs.E017"}


def findings() -> set[str]:
    return {message.id for message in check_jobs(None)}


def entry(**changes):
    return {"task": "djcelery_jobs.tasks.prune", "schedule": crontab(), "options": {"expires": 60}, **changes}


def test_this_project_is_clean():
    call_command("check", "--tag", "djcelery_jobs")
    assert findings() == set()


def test_a_task_without_a_route(conf):
    routes = dict(current_app.conf.task_routes)
    del routes["djcelery_jobs.tasks.prune"]
    conf(task_routes=routes)
    assert findings() == {"djcelery_jobs.E001"}


def test_a_route_without_a_task(conf):
    conf(task_routes={**current_app.conf.task_routes, "djcelery_jobs.tasks.gone": {"queue": "fast"}})
    assert findings() == {"djcelery_jobs.E002"}


def test_a_route_to_an_undeclared_queue(conf):
    conf(task_routes={**current_app.conf.task_routes, "djcelery_jobs.tasks.prune": {"queue": "reprot"}})
    assert findings() == {"djcelery_jobs.E003"}


def test_an_entry_for_a_task_that_does_not_exist(conf):
    conf(beat_schedule={"x": entry(task="djcelery_jobs.tasks.gone")})
    assert findings() == {"djcelery_jobs.E004"}


def test_an_entry_without_a_task(conf):
    conf(beat_schedule={"x": {"schedule": crontab(), "options": {"expires": 60}}})
    assert findings() == {"djcelery_jobs.E004"}


def test_no_routes_at_all(conf):
    conf(task_routes=None)
    assert findings() == {"djcelery_jobs.E001"}


@pytest.mark.parametrize("routes", [[{"x": {"queue": "fast"}}], {"x": "fast"}, {"x": {}}, lambda name, *args: None])
def test_routes_that_are_no_table(conf, routes):
    conf(task_routes=routes)
    assert findings() == {"djcelery_jobs.E021"}


@pytest.mark.parametrize(
    ("workloads", "problem"),
    [
        (None, "The setting WORKLOADS is missing."),
        ({}, "WORKLOADS must be a dictionary with at least one class."),
        (["fast"], "WORKLOADS must be a dictionary with at least one class."),
        ({"fast": 4}, "WORKLOADS['fast'] must be a Workload, got int."),
    ],
)
def test_workload_classes_that_are_not_declared(settings, workloads, problem):
    settings.WORKLOADS = workloads
    [message] = check_jobs(None)
    assert (message.id, message.msg) == ("djcelery_jobs.E020", problem)
    assert "Workload(concurrency=4" in message.hint


@pytest.mark.parametrize(
    ("command", "change", "message"),
    [
        (["check"], "del WORKLOADS", "The setting WORKLOADS is missing."),
        (["worker", "fast"], "del WORKLOADS", "The setting WORKLOADS is missing."),
        (["jobs", "health"], "del WORKLOADS", "The setting WORKLOADS is missing."),
        (["check"], "DJCELERY_JOBS = {'KEPT_DAY': 3}", "Did you mean KEPT_DAYS?"),
        (["check"], "CELERY_TASK_ROUTES = None", "has no route"),
    ],
)
def test_a_command_says_so_without_a_traceback(tmp_path, command, change, message):
    (tmp_path / "broken.py").write_text(f"from tests.lib.project.settings import *\n{change}\n")
    code = (
        "import sys; from django.core.management import execute_from_command_line as run\n"
        f"from tests.lib.project import celery; run({['manage.py', *command]!r})"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "broken", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_entry_with_arguments_that_do_not_fit(conf):
    conf(beat_schedule={"x": entry(args=[1])})
    assert findings() == {"djcelery_jobs.E005"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"expires": timedelta(minutes=5)}, "The option expires must be a number of seconds or a datetime"),
        ({"expires": 60, "countdown": "10"}, "The option countdown must be a number of seconds"),
        ({"expires": 60, "priority": 1.5}, "The option priority must be a whole number"),
        (["expires"], "`options` must be a dictionary."),
    ],
)
def test_an_entry_with_options_that_cannot_be_sent(conf, options, problem):
    conf(beat_schedule={"x": entry(options=options)})
    [message] = check_jobs(None)

    assert message.id == "djcelery_jobs.E025"
    assert problem in message.msg


def test_an_entry_that_never_expires(conf):
    conf(beat_schedule={"x": entry(options={})})
    assert findings() == {"djcelery_jobs.W006"}


@pytest.mark.parametrize(("soft", "hard"), [(None, 5), ("5", 10), (10, 5), (5, 5)])
def test_a_task_without_sound_limits(conf, monkeypatch, soft, hard):
    task = current_app.tasks["djcelery_jobs.tasks.prune"]
    conf(task_soft_time_limit=None)
    monkeypatch.setattr(task, "soft_time_limit", soft)
    monkeypatch.setattr(task, "time_limit", hard)
    assert findings() == {"djcelery_jobs.E007"}


def test_a_visibility_timeout_that_is_too_short(conf):
    conf(broker_transport_options={"visibility_timeout": 300})
    assert findings() == {"djcelery_jobs.E008"}


def test_eager_outside_the_test_settings(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project.settings.local")
    assert findings() == {"djcelery_jobs.E009"}


def test_more_than_json(conf):
    conf(accept_content=["json", "pickle"])
    assert findings() == {"djcelery_jobs.E010"}


def test_an_early_ack(monkeypatch):
    monkeypatch.setattr(current_app.tasks["djcelery_jobs.tasks.prune"], "acks_late", False)
    assert findings() == {"djcelery_jobs.W011"}


@pytest.mark.parametrize("scheduler", ["celery.beat:PersistentScheduler", "no.such:Scheduler", "celery.beat:heapq", ""])
def test_a_scheduler_without_a_lock(conf, scheduler):
    conf(beat_scheduler=scheduler)
    assert findings() == {"djcelery_jobs.E012"}


def test_a_kept_result_without_a_backend(conf, monkeypatch):
    conf(result_backend=None)
    monkeypatch.setattr(current_app.tasks["djcelery_jobs.tasks.prune"], "ignore_result", False)
    assert findings() == {"djcelery_jobs.E013"}


def test_the_cache_in_the_database_of_the_broker(conf, settings):
    conf(broker_write_url="redis://localhost:6379/0")
    settings.CACHES = {"default": {"LOCATION": "redis://localhost:6379/0"}}
    assert "djcelery_jobs.E014" in findings()


def test_the_cache_beside_it_is_fine(conf, settings):
    conf(broker_write_url="redis://localhost:6379/0")
    settings.CACHES = {"default": {"LOCATION": "redis://localhost:6379/1"}}
    assert "djcelery_jobs.E014" not in findings()


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("sqs://localhost", "15 minutes"),
        ("redis+cluster://localhost", "sentinels"),
        ("valkey://localhost", "redis://"),
        ("kafka://localhost", "redis://"),
    ],
)
def test_a_broker_that_is_not_supported(conf, url, word):
    conf(broker_write_url=url)
    [message] = check_jobs(None)
    assert message.id == "djcelery_jobs.E015"
    assert word in message.hint


def test_a_project_without_a_broker(monkeypatch):
    monkeypatch.setattr("djcelery_jobs.brokers.options.broker_url", lambda: "")
    assert ("djcelery_jobs.E015", "No broker is set.") in [(each.id, each.msg) for each in check_jobs(None)]


@pytest.mark.parametrize(
    "url", ["rediss://localhost", "rediss://localhost/0?ssl_cert_reqs=none", "amqps://one//;amqps://two//"]
)
def test_a_certificate_that_nobody_looks_at(conf, url):
    conf(broker_write_url=url, broker_use_ssl=None)
    assert findings() - QUEUES_OF_ANOTHER_BROKER == {"djcelery_jobs.W016"}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("rediss://localhost", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        ("rediss://localhost/0?ssl_cert_reqs=required", None),
        ("amqps://one//", {"server_hostname": "one"}),
        ("redis://localhost", None),
    ],
)
def test_a_certificate_that_is_looked_at(conf, url, options):
    conf(broker_write_url=url, broker_use_ssl=options)
    assert findings() - QUEUES_OF_ANOTHER_BROKER == set()


def test_queues_that_were_declared_for_another_broker(conf):
    conf(broker_write_url="amqp://one//")
    assert "djcelery_jobs.E017" in findings()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"KEPT_DAY": 3}, "no setting 'KEPT_DAY'. Did you mean KEPT_DAYS?"),
        ({"KEPT_DAYS": "3"}, "must be an integer, got '3'"),
        ({"KEPT_DAYS": True}, "must be an integer, got True"),
        ({"BEAT_LEASE": "15"}, "must be a number, got '15'"),
        ({"METRICS_TOKEN": 5}, "must be a string, got 5"),
        ({"MAX_REDELIVERIES": 2}, "must be at least 3, got 2"),
        ({"STALE_AFTER": 2}, "['REPORT_INTERVAL'] must be below STALE_AFTER"),
        ({"BEAT_LEASE": float("inf")}, "must be a finite number, got inf"),
        ({"BEAT_LEASE": float("nan")}, "must be a finite number, got nan"),
        ([], "must be a dictionary, got list"),
    ],
)
def test_a_bad_value_in_djcelery_jobs(settings, value, problem):
    settings.DJCELERY_JOBS = value
    [message] = [message for message in check_jobs(None) if message.id == "djcelery_jobs.E018"]
    assert problem in message.msg


def plain() -> None:
    """Do nothing."""


@pytest.fixture
def adopted(monkeypatch, settings):
    """Judge the app as one that was there before the job layer: its tasks are not jobs by themselves.

    Its classes have Celery's prefetch, as `djcelery init` writes them.
    """
    prefetch = current_app.conf.worker_prefetch_multiplier
    settings.WORKLOADS = {name: replace(each, prefetch=prefetch) for name, each in settings.WORKLOADS.items()}
    monkeypatch.setattr("djcelery_jobs.checks._is_adopted", lambda app: True)


def levels() -> dict[str, bool]:
    return {message.id: message.is_serious() for message in check_jobs(None)}


def test_an_adopted_app_may_route_its_tasks_as_it_likes(adopted, conf):
    conf(task_routes=[{"djcelery_jobs.*": {"queue": "fast"}}, {"gone.*": {"queue": "elsewhere"}}])
    assert findings() == set()


def test_habits_of_an_adopted_app_are_warnings(adopted, conf, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    conf(accept_content=["json", "pickle"], beat_schedule={"x": entry(task="djcelery_jobs.tasks.gone")})
    assert levels() == {"djcelery_jobs.E010": False, "djcelery_jobs.E004": False, "djcelery_jobs.E009": False}


def test_only_jobs_are_judged_in_an_adopted_app(adopted, conf, task):
    conf(task_acks_late=False, task_time_limit=None, task_soft_time_limit=None, task_annotations=None)

    task(plain, base=Task)
    assert findings() == set()


def about(task) -> list[str]:
    return [message.id for message in check_jobs(None) if f" {task.name} " in message.msg]


def test_a_durable_task_has_the_limits_of_its_class_where_celerys_are_only_those_of_all_tasks(adopted, conf, task):
    durable = task(plain, base=DurableTask)
    conf(task_soft_time_limit=None, task_time_limit=5)
    durable.soft_time_limit, durable.time_limit = None, 5
    assert about(durable) == []

    # 30 s that all tasks may take would exceed it; the class of this one allows 20 s.
    retries = durable.retry_backoff_max if durable.retry_backoff else durable.default_retry_delay
    conf(task_time_limit=30, broker_transport_options={"visibility_timeout": 25 + retries})
    durable.time_limit = 30
    assert about(durable) == []
    conf(broker_transport_options={"visibility_timeout": 20 + retries})
    assert about(durable) == ["djcelery_jobs.E008"]


def test_limits_of_a_durable_task_itself_are_judged(adopted, conf, task):
    durable = task(plain, base=DurableTask)
    durable.soft_time_limit, durable.time_limit = 9, 8
    [message] = check_jobs(None)
    assert message.id == "djcelery_jobs.E007"
    assert "9 (soft) and 8 (hard)" in message.msg


def test_a_command_line_of_your_own_holds_as_many_messages_as_celerys_settings_say(adopted, conf, settings):
    conf(worker_prefetch_multiplier=2)
    fast = settings.WORKLOADS["fast"]
    settings.WORKLOADS = settings.WORKLOADS | {"fast": replace(fast, prefetch=2)}
    prefetches = {name: workload.prefetch for name, workload in settings.WORKLOADS.items()}
    messages = check_jobs(None)
    assert {message.id for message in messages} == {"djcelery_jobs.I026"}
    assert [message.is_serious() for message in messages] == [False] * len(messages)
    texts = [(message.msg, message.hint) for message in messages]
    for name, prefetch in prefetches.items():
        mentioned = [hint for text, hint in texts if f"class {name} holds {prefetch} messages" in text]
        assert len(mentioned) == (prefetch != 2)
        assert all(f"manage.py worker {name}" in hint and f"multiplier {prefetch}" in hint for hint in mentioned)


def test_what_durable_jobs_need_stays_an_error_in_an_adopted_app(adopted, conf):
    conf(beat_scheduler="celery.beat:PersistentScheduler")
    assert levels() == {"djcelery_jobs.E012": True}


def test_a_durable_task_of_an_adopted_app_needs_a_workload_class_for_its_queue(adopted, task):
    task(plain, base=DurableTask, queue="elsewhere")
    [message] = check_jobs(None)
    assert (message.id, message.is_serious()) == ("djcelery_jobs.E001", True)
    assert "elsewhere" in message.msg
