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
