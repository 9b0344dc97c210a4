"""Test `add` and `remove` in projects that went through `init --jobs`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.init.layouts import LAYOUTS, running_layouts
from tests.init.projects import ExistingProject
from tests.projects import environment

TASK = "billing.charge_card"
QUICK = ("below_the_root", "named_by_pytest", "own_configuration")
# In a process of the project: print the limits of a task that Celery has, and those in the message of a durable one.
LIMITS = """
from unittest import mock
from celery import current_app
from djcelery_jobs.core.outbox import send
from djcelery_jobs.models import Job

current_app.loader.import_default_modules()
plain, durable = (current_app.tasks[f"billing.tasks.{name}"] for name in ("charge_card", "remind"))
print(plain.soft_time_limit, plain.time_limit)
with mock.patch("celery.app.task.Task.apply_async") as publish:
    send(Job(task=durable.name, queue="main", args=[1], kwargs={}))
print(publish.call_args.kwargs["soft_time_limit"], publish.call_args.kwargs["time_limit"])
"""
# The other layouts run at night only: each takes about ten seconds of CPU.
RUNNING_IN_CI = ("factory", "sums", "tuples")
NAMES = [
    name
    if name in QUICK
    else pytest.param(name, marks=pytest.mark.matrix if name in RUNNING_IN_CI else pytest.mark.nightly)
    for name in running_layouts()
]


@pytest.fixture
def project(request, tmp_path):
    """Return a layout with the library, committed to git."""
    existing = ExistingProject(LAYOUTS[request.param], tmp_path)
    existing.git("init", "-q")
    existing.git("add", "-A")
    existing.git("commit", "-q", "-m", "start")
    done = existing.init("--jobs", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    existing.git("add", "-A")
    existing.git("commit", "-q", "-m", "jobs")
    return existing


def change(project, *words):
    command = [sys.executable, "-m", "djcelery", *words, "--yes"]
    options = {"capture_output": True, "text": True, "check": False, "timeout": 60}
    return subprocess.run(command, cwd=project.manage_py.parent, env=environment(), **options)


def any_queue(project):
    """Return a workload class of the project, which the command names when it is asked for another."""
    said = change(project, "add", "task", "shop.remind", "--queue", "?").stderr
    return re.search(r"Hint: (?:Did you mean|Choose) (\w+)", said)[1]


def run_test(project, name):
    """Run a generated test in the way of the project, and return what it printed."""
    (test,) = project.root.rglob(f"test_{name}.py")
    if "import pytest" in test.read_text():
        done = project.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(test))
    else:
        done = project.manage("test", "billing")
    assert done.returncode != 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("project", NAMES, indirect=True)
def test_additions_work_and_removals_are_exact(project):
    before = project.contents()
    lines = [
        ("app", "billing"),
        ("task", TASK, "--queue", any_queue(project), "--plain"),
        ("queue", "webhooks"),
        ("task", "billing.remind", "--queue", "webhooks", "--every", "10m"),
        ("schedule", "often", "--task", "billing.remind", "--cron", "*/5 * * * *"),
    ]
    for line in lines:
        done = change(project, "add", *line)
        # A file that starts workers in another way than `manage.py worker NAME` is left to its team.
        assert (done.returncode, "By hand" in done.stdout) in [(0, False), (3, line[0] == "queue")], done.stdout
    checked = project.manage("check")
    assert checked.returncode == 0, checked.stderr
    assert project.own_tests("shop")[0] == 0
    assert "NotImplementedError: Read the row" in run_test(project, "charge_card")
    for line in reversed(lines):
        done = change(project, "remove", *line[:2])
        assert done.returncode == 0, done.stdout + done.stderr
    assert project.contents() == before


@pytest.mark.parametrize(
    "project",
    ["own_configuration", pytest.param("configuration_module", marks=pytest.mark.matrix)],
    indirect=True,
)
def test_tasks_have_the_limits_of_their_class_in_an_app_that_is_configured_outside_the_settings(project):
    settings = project.root / "mysite/settings.py"
    text = settings.read_text()
    assert "soft_limit=20, hard_limit=30" in text  # those of the app, for all tasks
    settings.write_text(text.replace("soft_limit=20, hard_limit=30", "soft_limit=100, hard_limit=120"))
    for words in (
        ("app", "billing"),
        ("task", "billing.charge_card", "--queue", "main", "--plain"),
        ("task", "billing.remind", "--queue", "main"),
    ):
        assert change(project, "add", *words, "--allow-dirty").returncode == 0
    done = project.manage("shell", "-v", "0", "-c", LIMITS)
    assert done.stdout == "100 120\n100 120\n", done.stderr
