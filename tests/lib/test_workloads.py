import os
import re
import shutil
from types import SimpleNamespace

import click
import pytest
from celery import current_app
from celery.app.annotations import prepare, resolve_all
from celery.app.utils import find_app
from celery.bin.worker import worker
from django.conf import settings
from django.core.management import CommandError, call_command

from djcelery_jobs.brokers.workloads import Workload, routes, task_limits, worker_command
from djcelery_jobs.management.app_path import app_path
from djcelery_jobs.management.commands import worker as worker_module
from djcelery_jobs.tasks import prune


def workload(**changes):
    return Workload(**{"concurrency": 2, "prefetch": 1, "soft_limit": 10, "hard_limit": 20, **changes})


@pytest.mark.parametrize(
    "wrong", [{"soft_limit": 20}, {"soft_limit": 0}, {"hard_limit": 5}, {"concurrency": 0}, {"prefetch": 0}]
)
def test_a_declaration_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"limit|at least 1"):
        workload(**wrong)


def test_a_task_gets_the_queue_and_the_limits_of_its_class():
    assert routes({"a.tasks.b": "fast"}) == {"a.tasks.b": {"queue": "fast"}}
    assert task_limits({"a.tasks.b": "fast"}, {"fast": workload()}) == {
        "a.tasks.b": {"soft_time_limit": 10, "time_limit": 20}
    }


def test_the_limits_reach_the_tasks():
    slow = settings.WORKLOADS["slow"]
    assert (prune.soft_time_limit, prune.time_limit) == (slow.soft_limit, slow.hard_limit)


def test_an_app_that_is_configured_outside_the_settings_looks_the_classes_up_when_a_task_is_used(settings):
    annotations = prepare([{"other": {"rate_limit": "1/s"}}, task_limits({"routed": "late", "typo": "lat"})])
    settings.WORKLOADS = {"late": workload(soft_limit=7, hard_limit=8)}

    found = {
        name: list(resolve_all(annotations, SimpleNamespace(name=name)))
        for name in ("routed", "typo", "other", "without_a_route")
    }

    assert found == {
        "routed": [{"soft_time_limit": 7, "time_limit": 8}],
        "typo": [],
        "other": [{"rate_limit": "1/s"}],
        "without_a_route": [],
    }


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_the_worker_command_is_one_that_celery_understands(name):
    workload = settings.WORKLOADS[name]
    arguments = worker_command(current_app.main, name, workload)[6:]

    understood = worker.make_context("worker", arguments, obj=SimpleNamespace(app=current_app)).params

    assert understood["queues"] == [name]
    assert understood["concurrency"] == workload.concurrency
    assert understood["prefetch_multiplier"] == workload.prefetch


def test_manage_py_worker_prints_the_plain_command(capsys):
    call_command("worker", "slow", "--concurrency", "7", "--print")

    printed = capsys.readouterr().out
    assert printed.startswith(f"celery -A {app_path()} worker -Q slow -n slow-")
    assert "--concurrency 7 --prefetch-multiplier 1" in printed


def test_manage_py_worker_becomes_the_worker(monkeypatch):
    # Where nothing was said about SIGTERM when Celery was imported.
    started = []
    monkeypatch.setattr("os.execv", lambda *command: started.append((*command, os.environ["REMAP_SIGTERM"])))
    monkeypatch.setattr(worker_module, "REMAP_SIGTERM", None)
    monkeypatch.setenv("REMAP_SIGTERM", "")  # to be as it was afterwards
    monkeypatch.delenv("REMAP_SIGTERM")

    call_command("worker", "fast")

    [(program, command, signal)] = started
    assert shutil.which(program)
    assert command[1:3] == ["-m", "celery"]
    assert signal == "SIGQUIT"


@pytest.mark.parametrize("signal", ["SIGQUIT", ""])
def test_manage_py_worker_runs_the_worker_itself_where_celery_knows_the_signal(monkeypatch, signal):
    started = []

    def make_worker(**options):
        return SimpleNamespace(start=lambda: started.append(options), exitcode=70)

    monkeypatch.setattr(worker_module, "REMAP_SIGTERM", signal)
    monkeypatch.setattr(current_app, "Worker", make_worker)

    with pytest.raises(SystemExit) as end:
        call_command("worker", "slow", "--concurrency", "7")

    [options] = started
    assert end.value.code == 70
    assert (options["queues"], options["concurrency"], options["prefetch_multiplier"]) == (["slow"], 7, 1)


def test_manage_py_worker_knows_the_options_that_the_app_adds(monkeypatch):
    started = []
    monkeypatch.setattr(worker_module, "REMAP_SIGTERM", "SIGQUIT")
    monkeypatch.setattr(current_app, "Worker", lambda **options: SimpleNamespace(start=lambda: started.append(options)))
    monkeypatch.setattr(worker, "params", [*worker.params])
    monkeypatch.setitem(current_app.user_options, "worker", {click.Option(["--tenant"], default="none")})

    with pytest.raises(AttributeError):  # it has no exit code
        call_command("worker", "slow")

    assert started[0]["tenant"] == "none"


@pytest.mark.parametrize(("typo", "advice"), [("fsat", "Did you mean 'fast'?"), ("xyz", "Choose from: fast, slow")])
def test_manage_py_worker_helps_with_a_typo(typo, advice):
    with pytest.raises(CommandError, match=f"Unknown workload class: {typo!r}. {re.escape(advice)}"):
        call_command("worker", typo)


@pytest.mark.parametrize("name", ["my_project", None, "json"])
def test_celery_finds_the_app_whatever_its_name_is(monkeypatch, name):
    monkeypatch.setattr(current_app, "main", name)
    assert find_app(app_path()) == current_app
