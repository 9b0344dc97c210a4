"""Test the group: its help, its errors, and that all of them end as words."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from djcelery import __version__, errors, interrupts, main

HEAVY = ("cookiecutter", "jinja2", "rich", "yaml", "importlib.metadata", "djcelery.commands")


def test_help_names_every_command(cli):
    said = cli("--help")
    assert said.code == 0
    assert all(name in said.out and text in said.out for name, (_, text) in main.COMMANDS.items())


def test_no_words_at_all_get_the_help(cli):
    assert cli() == cli("-h")


def test_the_help_of_the_group_is_that_of_the_command():
    for name, (_, text) in main.COMMANDS.items():
        command = main.cli.get_command(click.Context(main.cli), name)
        assert command.short_help == text


def test_version(cli):
    assert cli("--version").out == f"djcelery, version {__version__}\n"


def test_help_and_version_import_nothing_heavy():
    code = (
        "import sys; from djcelery.main import main\n"
        "try: main(['--help'])\n"
        f"finally: print([n for n in {HEAVY!r} if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_an_unknown_command_gets_did_you_mean(cli):
    said = cli("nwe", "shop")
    assert (said.code, said.out) == (2, "")
    assert said.err == "Error: No such command: nwe.\nHint: Did you mean new?\n"


def test_an_unknown_option_gets_did_you_mean(cli):
    said = cli("new", "shop", "--brokr", "redis")
    assert said.code == 2
    assert "No such option: --brokr" in said.err
    assert "Did you mean --broker?" in said.err


def test_an_unknown_option_with_json_is_one_object(cli):
    said = cli("new", "shop", "--json", "--brokr", "redis")
    assert (said.code, said.err) == (2, "")
    assert json.loads(said.out) == {
        "success": False,
        "error": {"message": "No such option: --brokr.", "hint": "Did you mean --broker?", "exit_code": 2},
    }


def test_a_missing_value_is_wrong_usage(cli):
    said = cli("new", "shop", "--broker")
    assert said.code == 2
    assert "--broker" in said.err
    assert "Hint: Run the command with --help" in said.err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (errors.CommandError("It is so.", "Do this."), 1, "Error: It is so.\nHint: Do this.\n"),
        (errors.UsageError("It is so."), 2, "Error: It is so.\n"),
        (OSError(28, "No space left on device", "/here"), 1, "The disk is full: /here"),
        (OSError(13, "Permission denied", "/here"), 1, "Permission denied: /here"),
        (interrupts.Interrupted(2), 130, "Cancelled"),
        (interrupts.Interrupted(15), 143, "Cancelled"),
        (EOFError(), 1, "Cancelled"),
        (ZeroDivisionError("by 0"), 1, "This is a bug in djcelery: ZeroDivisionError: by 0\nHint: Set DJCELERY_TRACE"),
    ],
)
def test_every_error_ends_as_words(cli, monkeypatch, error, code, words):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr(main.cli, "main", fail)
    said = cli("new")
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_wrapped_full_disk_is_still_a_full_disk():
    wrapped = OSError("Unable to create directory")
    wrapped.__cause__ = OSError(28, "No space left on device")
    assert "disk is full" in errors.from_os(wrapped).message


def test_the_traceback_is_there_for_who_asks(cli, monkeypatch):
    monkeypatch.setattr(main.cli, "main", lambda **_: 1 / 0)
    monkeypatch.setenv("DJCELERY_TRACEBACK", "1")
    assert "Traceback" in cli("new").err


def test_a_reader_who_leaves_gets_no_traceback():
    with subprocess.Popen(
        [sys.executable, "-m", "djcelery", "new", "-h"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_hint_names_some_of_many_choices():
    many = [f"app_{number:02}" for number in range(30)]
    assert errors.did_you_mean("zzz", many).startswith("Choose one of 30, such as app_00, app_01")
    assert "app_12" not in errors.did_you_mean("zzz", many)
    assert errors.did_you_mean("zzz", many[:3]) == "Choose app_00, app_01 or app_02."
