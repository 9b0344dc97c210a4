"""Test `djcelery init` on each layout: what it changes, that the project works as before, and that it can be undone."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests.init.layouts import LAYOUTS, running_layouts
from tests.init.projects import ExistingProject
from tests.projects import environment


@pytest.fixture
def project(request, tmp_path):
    """Return a layout on the disk, committed to git."""
    existing = ExistingProject(LAYOUTS[request.param], tmp_path)
    existing.git("init", "-q")
    existing.git("add", "-A")
    existing.git("commit", "-q", "-m", "start")
    return existing


# The quick suite runs these layouts: the usual one, one without Celery, one with CRLF, one with django-celery-beat.
QUICK = {"single_file", "in_the_root", "tuples", "sums"}
# These run as well in each CI run, the other layouts only at night: each takes about ten seconds of CPU.
RUNNING_IN_CI = {"factory", "two_databases"}


def marked(names, others):
    return [name if name in QUICK else pytest.param(name, marks=others(name)) for name in names]


def matrix_or_nightly(name):
    return pytest.mark.matrix if name in RUNNING_IN_CI else pytest.mark.nightly


each_layout = pytest.mark.parametrize("project", marked(LAYOUTS, lambda _: pytest.mark.matrix), indirect=True)
each_running_layout = pytest.mark.parametrize("project", marked(running_layouts(), matrix_or_nightly), indirect=True)


def levels(project):
    durable = project.layout.durable
    return ["--check", "--jobs", *(["--durable", durable] if durable else [])]


@each_running_layout
def test_the_project_works_as_before(project):
    # No error of `manage.py check` is added, the project's tests say the same, and the tables can be made.
    before = project.manage("check"), project.own_tests()
    assert before[0].returncode == 0, before[0].stderr
    assert before[1][0] == 0

    done = project.init(*levels(project), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr

    checked = project.manage("check")
    assert checked.returncode == 0, checked.stderr
    assert project.own_tests() == before[1]
    migrated = project.manage("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "djcelery_jobs.0001_initial" in migrated.stdout
    assert project.manage("makemigrations", "--check", "--dry-run").returncode == 0


@each_layout
def test_the_first_run_is_clean_the_second_has_nothing_to_do_and_undo_restores_every_byte(project):
    before, old = project.contents(), bytes_of(project)
    assert project.init(*levels(project), "--yes").returncode == 0
    after = project.contents()
    assert after != before
    judge_changes(old, bytes_of(project))
    judge_by_check(project)

    again = project.init(*levels(project), "--yes")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("Nothing to do.\n")
    assert project.contents() == after

    undone = project.init("--undo", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert project.contents() == before


def bytes_of(project):
    return {path: (project.root / path).read_bytes() for path in project.contents()}


def judge_changes(before, after):
    """Judge that only lines that are meant have changed.

    Line ends, tabs and quotes stay, and every old line is still there but for those that name a replaced value.
    """
    for path, data in before.items():
        now = after[path]
        assert (b"\r\n" in now) is (b"\r\n" in data)
        assert now.replace(b"\r\n", b"").count(b"\n") == 0 or b"\r\n" not in data
        lines, lost = set(now.splitlines()), []
        for line in data.splitlines():
            if line.strip() and line not in lines and line.rstrip() + b"," not in lines:
                lost.append(line)
        replaced = (b"DatabaseScheduler", b"celery", b"@shared_task", b"on_commit(", b"from django.urls import",
                    b"LOCAL_APPS", b"INSTALLED_APPS: list", b"install_requires", b"exclude: ")  # fmt: skip
        assert all(any(word in line for word in replaced) for line in lost), lost


def judge_by_check(project):
    option = [] if (project.root / "pyproject.toml").exists() else ["--baseline", ".djcelery-baseline.json"]
    command = [sys.executable, "-m", "djcelery", "check", "--no-cache", str(project.root), *option]
    done = subprocess.run(command, cwd=project.root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@each_layout
def test_json_tells_the_facts_and_the_plan(project):
    done = project.init("--jobs", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 2  # nobody to ask
    assert said["applied"] is False
    assert said["facts"]["settings"] == {
        "value": project.layout.expected.settings, "place": project.layout.expected.named_in
    }  # fmt: skip
    assert said["by_hand"] == []


@pytest.mark.matrix
@pytest.mark.parametrize("project", ["sums"], indirect=True)
def test_a_kill_leaves_all_or_nothing(project):
    """Kill the command at many moments. The next run takes back what it finds half-written, and is complete."""
    before = project.contents()
    command = [sys.executable, "-m", "djcelery", "init", str(project.root), "--jobs", "--check", "--yes"]
    completed = 0
    for number in range(16):
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Spread over the writing at the end: the journal's folder appears when it begins.
        while process.poll() is None and not list(project.root.glob(".git/djcelery/root/*.applying")):
            time.sleep(0.0005)
        time.sleep(number * 0.0005)
        process.kill()
        process.wait()
        done = project.init("--dry-run", "--check")
        assert done.returncode == 0, done.stderr
        if project.contents() != before:
            completed += 1
            assert project.init("--jobs", "--check", "--yes").stdout.endswith("Nothing to do.\n")
            assert project.init("--undo", "--yes").returncode == 0
        assert project.contents() == before
    assert completed < 16


@pytest.mark.parametrize("project", ["single_file"], indirect=True)
class TestTheCommand:
    def test_without_a_level_it_tells_what_it_found_and_asks_for_one(self, project):
        done = project.init()
        assert done.returncode == 2
        assert "  settings: mysite.settings  (manage.py:5)\n" in done.stdout
        assert "To go back: " in done.stdout
        assert done.stderr == (
            "Error: Name at least one level.\nHint: Pass --check, --jobs, or --durable with the name of a task.\n"
        )

    def test_without_a_terminal_and_without_yes_nothing_changes(self, project):
        before = project.contents()
        done = project.init("--jobs")
        assert done.returncode == 2
        assert '+    "djcelery_jobs",\n' in done.stdout
        assert project.contents() == before

    def test_only_files_that_would_be_touched_must_be_committed(self, project):
        (project.root / "shop/views.py").write_text("x = 1\n")
        (project.root / "note.txt").write_text("mine\n")
        assert project.init("--jobs", "--dry-run").returncode == 0
        (project.root / "mysite/urls.py").write_text("urlpatterns = []\n")
        done = project.init("--jobs", "--yes")
        assert done.returncode == 1
        assert "These files have uncommitted changes: mysite/urls.py\n" in done.stderr

    def test_what_is_left_to_people_is_printed_and_the_rest_is_done(self, project):
        (project.root / "mysite/urls.py").write_text("from shop.patterns import urlpatterns\n")
        (project.root / "shop/patterns.py").write_text("urlpatterns = tuple()\n")
        project.git("commit", "-q", "-a", "-m", "change")
        done = project.init("--jobs", "--yes")
        assert done.returncode == 3
        assert "By hand, in mysite/urls.py: urlpatterns is not written as a list\n" in done.stdout
        assert '    path("djcelery/", include("djcelery_jobs.urls")),\n' in done.stdout
        assert (project.root / "djcelery_jobs/__init__.py").is_file()

    def test_what_would_be_half_a_change_is_not_begun(self, project):
        settings = project.root / "mysite/settings.py"
        settings.write_text(settings.read_text().replace("INSTALLED_APPS = [", "INSTALLED_APPS = sorted([", 1)
                            .replace('"shop",\n]', '"shop",\n])', 1))  # fmt: skip
        project.git("commit", "-q", "-a", "-m", "change")
        before = project.contents()
        done = project.init("--jobs", "--yes")
        assert done.returncode == 3
        assert "Nothing was written" in done.stdout
        assert project.contents() == before

    def test_a_task_is_added_to_what_init_left(self, project):
        assert project.init("--jobs", "--yes").returncode == 0
        words = ["add", "task", "shop.send_invoice", "--queue", "celery", "--yes"]
        command = [sys.executable, "-m", "djcelery", *words]
        done = subprocess.run(command, cwd=project.root, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"shop.tasks.send_invoice": "celery",' in (project.root / "mysite/settings.py").read_text()
        assert project.manage("check").returncode == 0


@pytest.mark.parametrize("project", ["single_file", "tuples"], indirect=True)
def test_the_line_for_django_s_own_tasks_is_offered_and_works(project):
    # It stands there as a comment: with it, the tasks of packages run in workers, which must be there first.
    assert project.init("--jobs", "--yes").returncode == 0
    [file] = files_with(project, "\n# TASKS = {")
    file.write_text(file.read_text().replace("\n# TASKS = {", "\nTASKS = {"))

    assert project.manage("check").returncode == 0
    code = "from djcelery_jobs.worker.task_modules import is_backend_in_use; print(is_backend_in_use())"
    assert project.manage("shell", "-v0", "-c", code).stdout.split()[-1] == "True"


@pytest.mark.parametrize("project", ["single_file"], indirect=True)
def test_the_line_is_not_offered_where_tasks_has_a_backend(project):
    [settings] = files_with(project, "\nINSTALLED_APPS = ")
    with settings.open("a") as file:
        file.write('\nTASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}\n')
    project.git("commit", "-q", "-a", "-m", "tasks")

    assert project.init("--jobs", "--yes").returncode == 0
    assert files_with(project, "\n# TASKS = {") == []


def files_with(project, words):
    files = [path for path in project.root.rglob("*.py") if "djcelery_jobs" not in path.parts]
    return [path for path in files if words in path.read_text()]
