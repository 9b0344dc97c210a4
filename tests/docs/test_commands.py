"""Test that each command that a page names exists, and has the options that the page gives it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from djcelery.main import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in runpy.run_path(str(DOCS / "conf.py"))["ROOT_PAGES"])]
BLOCK = re.compile(r"^ *```(?:console|yaml|text)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
OURS = re.compile(r"^(?:\$ )?(?:\S*/|uvx )?djcelery ([a-z].*)")
CONTEXT = click.Context(cli)
MANAGE = re.compile(r"manage\.py ([a-z_]+)(.*)")
LIBRARY = ROOT / "lib" / "djcelery_jobs" / "management" / "commands"


def named(path: Path) -> list[str]:
    """Return what stands between backticks, and each line of a block of commands."""
    text = path.read_text()
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    return [*re.findall(r"`([^`\n]+)`", BLOCK.sub("", text)), *(line.partition("  #")[0].strip() for line in lines)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_of_djcelery_exist(path):
    for text in named(path):
        if not (match := OURS.search(text)):
            continue
        command: click.Command = cli
        words = match[1].split()
        while words and isinstance(command, click.Group) and (inner := command.get_command(CONTEXT, words[0])):
            command = inner
            words.pop(0)
        known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
        given = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert command is not cli or not words, text
        assert given <= known | {"-h", "--help"}, text


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_options_of_the_library_exist(path):
    for text in named(path):
        for name, rest in MANAGE.findall(text):
            file = LIBRARY / f"{name}.py"
            if not file.exists():
                continue
            source = file.read_text()
            for option in re.findall(r"--([a-z][\w-]*)", rest):
                assert re.search(rf'"(?:--)?{option}"', source) or option in ("settings", "verbosity"), text
            if name == "jobs" and (action := re.match(r" ([a-z]+)", rest)):
                assert f'"{action[1]}"' in source, text


def test_the_pages_name_commands():
    texts = [text for path in FILES for text in named(path)]

    assert sum(bool(OURS.search(text)) for text in texts) > 50
    assert sum(bool(MANAGE.search(text)) for text in texts) > 50
