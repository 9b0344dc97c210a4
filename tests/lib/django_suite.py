"""Run Django's own tests of task backends against ours: `python -m tests.lib.django_suite FOLDER`.

FOLDER holds the package `tasks` of the tests of a Django release; test_django_suite.py fetches it. Where these tests
name the dummy or the immediate backend, they get ours, which stores a job, or also runs it as a worker would.
"""

from __future__ import annotations

import importlib
import re
import sys
import unittest
from pathlib import Path

import django
from django.conf import settings

# Tests that ask for what our backend is meant to do otherwise.
OTHERWISE = {
    "test_refresh_result": "changes what the dummy backend holds in memory, or reads it in a coroutine without await",
    "test_refresh_result_async": "changes what the dummy backend holds in memory",
    "test_cannot_get_result": "our results can be read",
    "test_cannot_refresh_result": "our results can be read",
    "test_cannot_pass_run_after": "our jobs can run later",
    "test_no_enqueue": "our backend has an enqueue()",
}
OTHERWISE_IN = {
    "ImmediateBackendTransactionTestCase": "our jobs wait for the commit",
}
# Tests of priorities, which enqueue nothing: only RabbitMQ has them, and here the broker is in memory.
OF_PRIORITIES = {
    "test_using_priority",
    "test_chained_using",
    "test_invalid_priority",
    "test_custom_task_with_standard_and_custom_values",
}
QUEUES = ["standard", "queue_1", "queue-1", "queue-2", "high", "unknown_queue"]


def adapted(text: str) -> str:
    """Return the text of a test, about our backend and by the names of the API at hand."""
    for module, name, ours in (
        ("dummy", "DummyBackend", "StoringBackend"),
        ("immediate", "ImmediateBackend", "RunningBackend"),
        ("base", "BaseTaskBackend", "StoringBackend"),
    ):
        text = text.replace(f"django.tasks.backends.{module}.{name}", f"tests.lib.django_suite_backends.{ours}")
        text = text.replace(
            f"from django.tasks.backends.{module} import {name}",
            f"from tests.lib.django_suite_backends import {ours} as {name}",
        )
    if django.VERSION < (6, 0):
        text = text.replace("django.tasks", "django_tasks").replace("async Tasks.", "async tasks.")
        text = re.sub(r"\bInvalidTask(Backend)?\b", r"InvalidTask\1Error", text)
        text = re.sub(
            r"^(from django_tasks import .*?)\bTask, ", r"from django_tasks.base import Task\n\1", text, flags=re.M
        )
    return text


def configure(*, priorities: bool) -> None:
    """Set Django and Celery up, with a workload class for each queue that the tests name."""
    from djcelery_jobs import Workload, queues
    from tests.lib.project import settings as base

    kind = "priority" if priorities else None
    workload = Workload(concurrency=1, prefetch=1, soft_limit=10, hard_limit=20, kind=kind)
    values = {name: getattr(base, name) for name in dir(base) if name.isupper()}
    values["WORKLOADS"] = dict.fromkeys(QUEUES, workload)
    values["CELERY_BROKER_URL"] = "amqp://localhost" if priorities else "memory://"
    values["CELERY_TASK_QUEUES"] = queues(values["WORKLOADS"], values["CELERY_BROKER_URL"])
    values["CELERY_TASK_ROUTES"] = {}
    values["CELERY_TASK_DEFAULT_QUEUE"] = "standard"
    values["CELERY_TASK_ALWAYS_EAGER"] = False
    settings.configure(**values)
    from tests.lib.project import celery  # noqa: F401

    django.setup()


def suite(folder: Path, *, priorities: bool) -> unittest.TestSuite:
    """Return the tests to run. Each of the suite's tasks keeps its result."""
    for file in folder.glob("tasks/*.py"):
        file.write_text(adapted(file.read_text()))
    sys.path.insert(0, str(folder))
    for task in vars(importlib.import_module("tasks.tasks")).values():
        if hasattr(task, "func"):
            task.func.job_options = {"keep_result": True}
    chosen = unittest.TestSuite()
    for file in sorted(folder.glob("tasks/test_*.py")):
        for case in unittest.defaultTestLoader.loadTestsFromName(f"tasks.{file.stem}"):
            for test in case:
                name = test.id().rpartition(".")[2]
                is_ours = name not in OTHERWISE and type(test).__name__ not in OTHERWISE_IN
                if is_ours and (name in OF_PRIORITIES) == priorities:
                    chosen.addTest(test)
    return chosen


def main() -> None:
    folder, priorities = Path(sys.argv[1]), sys.argv[2:] == ["priorities"]
    configure(priorities=priorities)
    from celery import current_app
    from django.test import SimpleTestCase
    from django.test.runner import DiscoverRunner

    from djcelery_jobs.testing import memory_broker

    SimpleTestCase.databases = {"default"}  # a durable job is a row
    runner = DiscoverRunner(verbosity=1, interactive=False)
    tests = suite(folder, priorities=priorities)
    databases = runner.setup_databases()
    try:
        if priorities:
            result = runner.run_suite(tests)
        else:
            with memory_broker(current_app._get_current_object()) as broker:
                importlib.import_module("tests.lib.django_suite_backends").broker = broker
                result = runner.run_suite(tests)
    finally:
        runner.teardown_databases(databases)
    sys.stdout.write(f"{result.testsRun} passed\n" if result.wasSuccessful() else "failed\n")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
