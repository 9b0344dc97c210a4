"""Test `djcelery check` on a stranger's repository: it writes only what it may, and no control character."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from djcelery import errors, main, output
from tests.unit.small_shop import TASKS, check, write_shop

ROUTED = """\
from celery import shared_task


@shared_task(queue="\\x1b[2Jmail\\n::error::\\x7f##[error]")
def index(pk): ...
"""
SETTINGS = "from kombu import Queue\nCELERY_TASK_QUEUES = [Queue('celery')]\n"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "project")


def test_a_fix_is_not_written_through_a_link_out_of_the_project(shop, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim.py").write_text(TASKS)
    (shop / "shop" / "file.py").symlink_to(outside / "victim.py")
    (shop / "folder").symlink_to(outside)
    check(shop, "--fix")
    assert (outside / "victim.py").read_text() == TASKS
    assert "delay_on_commit" in (shop / "shop" / "tasks.py").read_text()
    assert [*outside.iterdir()] == [outside / "victim.py"]


def test_a_fix_through_a_link_that_stays_in_the_project_keeps_the_link(shop):
    (shop / "shop" / "jobs.py").symlink_to("tasks.py")
    assert check(shop / "shop" / "jobs.py", "--fix").exit_code == 0
    assert (shop / "shop" / "jobs.py").is_symlink()
    assert "delay_on_commit" in (shop / "shop" / "tasks.py").read_text()


@pytest.mark.parametrize("name", ["known.json", "folder/known.json"])
def test_a_baseline_is_not_written_through_a_link(shop, tmp_path, monkeypatch, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "known.json").write_text("mine")
    (shop / "known.json").symlink_to(outside / "known.json")
    (shop / "folder").symlink_to(outside)
    monkeypatch.chdir(shop)
    with pytest.raises(errors.UsageError, match="symbolic link"):
        CliRunner().invoke(main.cli, ["check", "--write-baseline", name], standalone_mode=False, catch_exceptions=False)
    assert (outside / "known.json").read_text() == "mine"


@pytest.mark.parametrize("form", ["text", "concise", "json", "github", "sarif", "gitlab"])
def test_no_format_prints_a_control_character(shop, form):
    (shop / "shop" / "tasks.py").unlink()
    for name in ("\x1b[31m.py", "a\n::error::b.py", "\u202e.py", "\x7f.py", "\x9b2J.py"):
        (shop / "shop" / f"tasks{name}").write_text(TASKS)
    (shop / "shop" / "routed.py").write_text(ROUTED)
    (shop / "shop" / "settings.py").write_text(SETTINGS)
    result = check(shop, "--format", form)
    assert result.exit_code == 1
    assert not CONTROL.search(result.stdout), result.stdout
    assert not CONTROL.search(result.stderr)
    if form in {"json", "sarif", "gitlab"}:
        assert "DJC802" in str(json.loads(result.stdout))
    elif form in {"text", "concise"}:
        lines = [line for line in result.stdout.splitlines() if not line.startswith("  ")]  # without the source lines
        assert len(lines) == 6
        assert "##[" not in result.stdout
    else:
        assert all(line.startswith("::") for line in result.stdout.splitlines())


def test_a_name_is_no_command_to_the_log_of_a_workflow(shop):
    (shop / "::error::x.py").write_text(TASKS)
    lines = check(shop, "--format", "concise").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("\\u003a:error::x.py:11:9: error DJC101")


def test_files_fixes_and_diffs_are_printed_safely(shop):
    (shop / "shop" / "\x1b[31m.py").write_text(TASKS + 'NOTE = """\n::error::\x0c\n"""\n')
    for words in (["--show-files"], ["--diff"], ["--fix"]):
        result = check(shop, *words)
        assert "\\u001b[31m.py" in result.output
        assert not CONTROL.search(result.output)


def test_an_error_is_printed_safely(djcelery, tmp_path):
    name = tmp_path / "\x1b[31m"
    name.mkdir()
    (name / "pyproject.toml").write_text('[tool.djcelery]\n"\\u001b[2J" = 1\n')
    result = djcelery("check", str(name))
    assert result.returncode == 2
    assert "Unknown key" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain é \U0001f600\n\tindented\r\n", "plain é \U0001f600\n\tindented\r\n"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("over\rwritten", "over\\u000dwritten"),
        ("\x9b", "\\u009b"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
    ],
)
def test_escape(text, printed):
    assert output.escape(text) == printed


def test_every_command_prints_through_it():
    texts = {path.name: path.read_text() for path in Path(output.__file__).parent.rglob("*.py")}
    assert [name for name, text in texts.items() if re.search(r"click\.s?echo\(", text)] == ["output.py"]


def test_escape_line_leaves_one_line():
    assert output.escape_line("a\nb\tc\r\n") == "a\\u000ab\\u0009c\\u000d\\u000a"


@pytest.mark.parametrize(
    ("text", "printed"),
    [("::error::x", "\\u003a:error::x"), ("a\n  ::add-mask::b", "a\n  \\u003a:add-mask::b"),
     ("x ##[error]y", "x \\u0023#[error]y"), ("a::b # c [d]", "a::b # c [d]")],
)  # fmt: skip
def test_echo_disarms_workflow_commands(capsys, text, printed):
    output.echo(text)
    assert capsys.readouterr().out == printed + "\n"
