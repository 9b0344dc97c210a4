"""Test what a project may rely on: the public names, and a README that is true of them."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import djcelery_jobs
from djcelery_jobs import operations, testing
from djcelery_jobs.core import tasks_api

ROOT = Path(__file__).parents[2]
README = ROOT / "lib" / "README.md"
# Public names that need an extra, and a package of it.
NEEDS = {
    "LockedDatabaseScheduler": "django_celery_beat",
    "logging_config": "structlog",
    "start_sentry": "sentry_sdk",
    "use_log_format": "structlog",
}
PUBLIC = [
    "AMQP", "TRANSIENT_ERRORS", "ArgumentsTooLargeError", "Consumer", "DurableTask", "JobTask",
    "LockedDatabaseScheduler", "LockedScheduler", "Workload", "effect_once", "job", "logging_config", "queues",
    "remember_request", "routes", "sentinel_options", "start_sentry", "task_limits", "tls_options", "use_log_format",
]  # fmt: skip

OPERATIONS = [
    "STATES", "JobFilter", "act_on_all", "cancel", "discard", "find", "pause_entry", "pause_queue", "pause_task",
    "pauses_now", "resume_entry", "resume_queue", "resume_task", "run_entry", "run_now", "send_again",
    "send_again_with",
]  # fmt: skip


def available() -> Iterator[tuple[object, str]]:
    for name in djcelery_jobs.__all__:
        if name not in NEEDS or find_spec(NEEDS[name]):
            yield djcelery_jobs, name
    for module in (operations, testing):
        for name in module.__all__:
            yield module, name
    if tasks_api.IS_AVAILABLE:
        for name in tasks_backend().__all__:
            yield tasks_backend(), name


def tasks_backend() -> ModuleType:
    return import_module("djcelery_jobs.tasks_backend")


def test_the_list():
    # A name that is added is promised to everybody, and one that is taken away breaks their projects.
    assert djcelery_jobs.__all__ == PUBLIC
    assert operations.__all__ == OPERATIONS
    assert testing.__all__ == [
        "Dispatch", "Dispatches", "MemoryBroker", "Ran", "memory_broker", "record_dispatches",
    ]  # fmt: skip
    if tasks_api.IS_AVAILABLE:
        assert tasks_backend().__all__ == ["DurableBackend", "JobNotRunError", "job_options"]


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="has no attribute 'relay_now'"):
        djcelery_jobs.relay_now  # noqa: B018


@pytest.mark.parametrize(("module", "name"), list(available()), ids=lambda value: getattr(value, "__name__", value))
def test_each_resolves_and_says_what_it_is_for(module, name):
    value = getattr(module, name)
    if not callable(value):
        return
    assert vars(value).get("__doc__") or value.__doc__, name
    if inspect.isclass(value):
        parents = inspect.getmro(value)[1:]
        assert value.__doc__ not in {parent.__doc__ for parent in parents}, f"the docstring of {name} is a parent's"
        functions = [function for function in vars(value).values() if inspect.isfunction(function)]
        own = [
            method
            for method in functions
            if method.__name__[0] != "_" and not any(hasattr(parent, method.__name__) for parent in parents)
        ]
        assert [method.__qualname__ for method in own if not inspect.getdoc(method)] == []


@pytest.mark.skipif(
    not (tasks_api.IS_AVAILABLE and all(map(find_spec, NEEDS.values()))),
    reason="an interpreter not installed with every extra",
)
def test_the_pages_are_those_of_the_library():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_library import API, DJANGO_TASKS, MANAGE, api_page, manage_page, with_options, with_tables
    finally:
        sys.path.pop(0)

    assert API.read_text() == api_page(), "run: python docs/make_library.py"
    assert MANAGE.read_text() == manage_page()
    assert README.read_text() == with_tables(README.read_text())
    assert DJANGO_TASKS.read_text() == with_options(DJANGO_TASKS.read_text())


def test_the_set_up_of_the_readme_works(tmp_path):
    # Each block that names a file is put into a fresh Django project, which then runs a job.

    def run(*command: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "PYTHONWARNINGS": "error:::djcelery_jobs"}
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("-m", "django", "startproject", "mysite", ".")
    run("manage.py", "startapp", "shop")
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", README.read_text(), re.DOTALL):
        with (tmp_path / name).open("a") as file:
            file.write(f"\n{code}")

    assert "no issues" in run("manage.py", "check")
    run("manage.py", "migrate", "-v", "0")
    code = (
        "from celery import current_app; from django.test import Client; from shop.tasks import send_receipt\n"
        "from djcelery_jobs.testing import memory_broker\n"
        "current_app.conf.update(broker_url='memory://', broker_read_url='memory://', broker_write_url='memory://')\n"
        "with memory_broker(current_app) as broker:\n"
        "    send_receipt.delay(7); print([run.task for run in broker.drain()])\n"
        "print(Client(headers={'host': 'localhost'}).get('/health/live').status_code)\n"
    )
    assert run("manage.py", "shell", "-v", "0", "-c", code).splitlines()[-2:] == ["['shop.tasks.send_receipt']", "200"]


def test_asking_for_all_names_imports_no_optional_extra():
    # The discovery of unittest does so with every package that it finds, and a vendored library is one.
    assert set(dir(djcelery_jobs)) <= set(vars(djcelery_jobs))
