"""Test `djcelery check` in an editor: the text of a file from standard input, and again after each change."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from djcelery import errors, interrupts, main
from djcelery.checking import watching
from djcelery.checking.fixing import fix_unsaved
from djcelery.checking.options import Options
from djcelery.checking.run import Report
from djcelery.checking.scope import find_unsaved
from djcelery.edits import Edit
from djcelery.findings import Finding, Fix
from djcelery.project import loading
from djcelery.safe_files import MAX_SIZE

TASKS = """\
from celery import shared_task


@shared_task
def index(pk): ...
"""
SERVICE = """\
from django.db import transaction

from shop.tasks import index


def place(order):
    with transaction.atomic():
        order.save()
        index.delay(order.pk)
"""
FIXED = SERVICE.replace(".delay(", ".delay_on_commit(")
FILE = "shop/services.py"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    (project / "shop").mkdir(parents=True)
    (project / "manage.py").touch()
    (project / "shop" / "__init__.py").touch()
    (project / "shop" / "tasks.py").write_text(TASKS)
    (project / FILE).write_text("# saved\n")
    monkeypatch.chdir(project)
    return project


def check(*words: str, text: str | bytes = SERVICE, path: str = FILE) -> Result:
    return CliRunner().invoke(main.cli, ["check", "--stdin-filename", path, *words], input=text)


def refusal(*words: str, text: str | bytes = SERVICE) -> errors.CommandError:
    with pytest.raises(errors.CommandError) as raised:
        CliRunner().invoke(main.cli, ["check", *words], input=text, standalone_mode=False, catch_exceptions=False)
    return raised.value


# -- standard input


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_the_text_stands_for_the_file_and_knows_the_rest_of_the_project(shop, dash):
    result = check(*dash)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{FILE}:9:9: error DJC101 index is sent inside a transaction")
    assert "    index.delay(order.pk)\n" in result.stdout  # the line of the text, not of the file on disk
    assert check(text="# nothing\n").exit_code == 0
    assert (shop / FILE).read_text() == "# saved\n"


def test_what_was_said_of_the_text_is_not_kept_for_the_file(shop):
    assert check().exit_code == 1
    assert CliRunner().invoke(main.cli, ["check"]).exit_code == 0
    same_size = "#" * len(SERVICE)
    assert check(text=same_size).exit_code == 0
    assert check().exit_code == 1


def test_only_the_file_is_reported(shop):
    (shop / "shop" / "other.py").write_text(SERVICE)
    rows = json.loads(check("--format", "json").stdout)
    assert [(row["path"], row["code"]) for row in rows] == [(FILE, "DJC101")]
    assert check(text="").stdout == ""


def test_the_path_is_written_as_from_where_one_stands_and_need_not_exist(shop, monkeypatch):
    monkeypatch.chdir(shop / "shop")
    result = check("--format", "concise", path="billing/new.py")
    assert result.stdout.startswith("billing/new.py:9:9: error DJC101")


def test_an_excluded_file_has_no_findings(shop):
    assert check("--exclude", "shop/services.py").exit_code == 0
    assert check("--exclude", "shop").exit_code == 0
    assert check(path="node_modules/services.py").exit_code == 0


def test_the_fixed_text_goes_to_stdout_and_no_file_is_written(shop):
    result = check("--fix")
    assert (result.exit_code, result.stdout) == (0, FIXED)
    assert (shop / FILE).read_text() == "# saved\n"


def test_what_is_left_after_the_fixes_goes_to_stderr(shop):
    text = SERVICE.replace("index.delay(", "return index.delay(")
    result = check("--fix", "--format", "concise", text=text)
    assert (result.exit_code, result.stdout) == (1, text)
    assert result.stderr.startswith(f"{FILE}:9:16: error DJC101")


def test_a_fix_that_changes_a_second_file_is_left_out(shop):
    # No rule has one yet; half of it would be worse than none.
    here, there = Edit(FILE, 1, 0, 1, 0, "# here\n"), Edit("shop/tasks.py", 1, 0, 1, 0, "# there\n")
    findings = [
        Finding(FILE, 1, 1, "one", "error", Fix("both", (here, there)), "DJC101"),
        Finding(FILE, 1, 1, "two", "error", None, "DJC101"),
    ]
    report = Report(findings, 0, [], [], {})
    before = {FILE: b"x = 1\n"}
    scope = find_unsaved(FILE)
    assert fix_unsaved(before, Options(), scope, lambda _: report)[1] == before
    one = replace(report, findings=[replace(findings[0], fix=Fix("one", (here,)))])
    reports = iter([one, replace(one, findings=[])])
    assert fix_unsaved(before, Options(), scope, lambda _: next(reports))[1] == {FILE: b"# here\nx = 1\n"}


def test_the_text_counts_when_several_processes_read(shop, monkeypatch):
    monkeypatch.setattr(loading, "BYTES_PER_PROCESS", 10)
    monkeypatch.setattr(loading.os, "cpu_count", lambda: 2)
    assert json.loads(check("--no-cache", "--format", "json").stdout)[0]["path"] == FILE


def test_a_text_without_a_fix_comes_back_byte_for_byte(shop):
    for text in (b"x = 1\r\ny = '\x1b[2J ::error::'\r\n", b"\xff\xfe\x00", b""):
        assert check("--fix", text=text).stdout_bytes == text


def test_unsafe_fixes_of_the_text(shop):
    text = "from celery.schedules import crontab\n\nAT = crontab(day_of_week=1)\n"
    assert check("--fix", text=text).stdout == text
    assert "crontab(minute=0, day_of_week=1)" in check("--fix", "--unsafe-fixes", text=text).stdout


def test_the_difference_goes_to_stdout(shop):
    result = check("--diff")
    assert result.exit_code == 1
    assert "-        index.delay(order.pk)\n+        index.delay_on_commit(order.pk)\n" in result.stdout
    assert (check("--diff", text=FIXED).exit_code, check("--diff", text=FIXED).stdout) == (0, "")
    assert (shop / FILE).read_text() == "# saved\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"x = 1\n" + b"#" * 2000 + b"\0", "null bytes"),
        (b"x = '\xff'\n", "cannot be decoded"),
        (b"import celery\nx = (", "does not parse"),
    ],
)
def test_a_text_that_cannot_be_read_is_named(shop, text, reason):
    result = check("--format", "json", text=text)
    assert result.exit_code == 1
    assert [(row["path"], row["code"], reason in row["message"]) for row in json.loads(result.stdout)] == [
        (FILE, "DJC001", True)
    ]


def test_a_text_is_bounded_as_a_file_is(shop):
    assert check(text=b"#" * MAX_SIZE).exit_code == 0
    error = refusal("--stdin-filename", FILE, text=b"#" * (MAX_SIZE + 1))
    assert (error.exit_code, error.message) == (1, "The text on standard input is larger than 2 MB.")


@pytest.mark.parametrize(
    "words",
    [
        ["-"],
        ["--stdin-filename", ""],
        ["--stdin-filename", FILE, "shop"],
        ["--stdin-filename", "shop"],
        ["--stdin-filename", "notes.txt"],
        ["--stdin-filename", "../other.py"],
        ["--stdin-filename", "/etc/passwd.py"],
        ["--stdin-filename", "shop/link.py"],
        ["--stdin-filename", FILE, "--add-noqa"],
        ["--stdin-filename", FILE, "--write-baseline", "b.json"],
        ["--stdin-filename", FILE, "--watch"],
        ["--watch", "--diff"],
        ["--watch", "--output-file", "out.txt"],
    ],
)
def test_a_wrong_command_line_is_refused(shop, tmp_path, words):
    (tmp_path / "outside.py").touch()
    (shop / "shop" / "link.py").symlink_to(tmp_path / "outside.py")
    assert refusal(*words).exit_code == 2


def test_a_link_from_one_project_into_another_is_refused(shop, tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "outside.py").touch()
    (shop / "shop" / "link.py").symlink_to(tmp_path / "outside.py")
    (shop / "shop" / "inside.py").symlink_to(shop / FILE)
    monkeypatch.chdir(tmp_path)
    assert refusal("--stdin-filename", "project/shop/link.py").exit_code == 2
    assert check(path="project/shop/inside.py").stdout.startswith(f"project/{FILE}:9:9: error DJC101")


# -- watching


class Pauses:
    """Stand in for `time.sleep`: do one step in each pause, and press Ctrl-C in the last."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def __call__(self, seconds):
        assert seconds >= watching.PAUSE
        if not self.steps:
            raise interrupts.Interrupted(signal.SIGINT)
        self.steps.pop(0)()


def watch(monkeypatch: pytest.MonkeyPatch, *steps) -> Result:
    monkeypatch.setattr(watching.time, "sleep", Pauses(*steps))
    return CliRunner().invoke(main.cli, ["check", "--watch", "--format", "concise"])


def test_a_change_is_checked_again_until_ctrl_c(shop, monkeypatch):
    result = watch(
        monkeypatch,
        lambda: None,
        lambda: (shop / FILE).write_text(SERVICE),
        lambda: (shop / "new.py").write_text(SERVICE),
        lambda: (shop / "new.py").unlink(),
    )
    assert result.exit_code == 130
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [FILE, "new.py", FILE, FILE]
    assert result.stderr.count("Waiting for a change") == 4
    assert "\x1b" not in result.output


def test_an_error_meanwhile_is_printed_and_the_next_change_may_correct_it(shop, monkeypatch):
    (shop / "pyproject.toml").write_text("[tool.djcelery]\n")
    result = watch(
        monkeypatch,
        lambda: (shop / "pyproject.toml").write_text('[tool.djcelery]\nselect = "'),
        lambda: (shop / "pyproject.toml").write_text("[tool.djcelery]\n\n"),
    )
    assert result.exit_code == 130
    assert "is not valid TOML" in result.stderr
    assert result.stderr.count("Waiting for a change") == 2


def test_a_wrong_command_line_does_not_wait(shop):
    assert refusal("--watch", "--select", "DJC999").exit_code == 2


def test_a_process_that_watches_ends_on_ctrl_c(shop, tmp_path):
    environment = {**os.environ, "DJCELERY_CACHE_DIR": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "djcelery", "check", "--watch", "--format", "concise"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        while "Waiting" not in (line := process.stderr.readline()):
            assert line, "it ended by itself"
        (shop / FILE).write_text(SERVICE)
        assert process.stdout.readline().startswith(f"{FILE}:9:9: error DJC101")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "Error" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
