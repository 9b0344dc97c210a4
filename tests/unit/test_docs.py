"""Test that the page about the command says what the command says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from djcelery import main
from djcelery.commands import new

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cli.md").read_text(encoding="utf-8")
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
ROWS = [line for line in CONFIGURATION.splitlines() if line.startswith("| `")]


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_its_script_writes():
    assert load("make_cli").text() == PAGE, "run: python docs/make_cli.py"


def test_every_command_and_every_option_is_on_it():
    for name in main.COMMANDS:
        assert f"## djcelery {name}\n" in PAGE
    for option in new.command.params:
        assert all(flag in PAGE for flag in option.opts if flag.startswith("--"))


def test_the_objects_on_it_have_the_shape_of_real_ones(cli):
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    shown = [json.loads(block) for block in blocks]
    real = [json.loads(cli("new", name, "--json", "--no-git").out) for name in ("shop", "class")]
    assert [set(each) for each in shown] == [set(each) for each in real]
    assert shown[1] == real[1]
    assert set(shown[0]["next_steps"][0]) == set(real[0]["next_steps"][0])


def test_the_answers_on_it_are_answers(cli, tmp_path):
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "answers.toml").write_text(block)
    said = cli("new", "shop", "--answers", "answers.toml", "--json", "--no-git")
    assert json.loads(said.out)["answers"].items() >= tomllib.loads(block).items()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_each_shell(shell):
    setting = f"_DJCELERY_COMPLETE={shell}_source"
    assert setting in PAGE
    name, value = setting.split("=")
    env = {**os.environ, name: value}
    done = subprocess.run([sys.executable, "-m", "djcelery"], env=env, capture_output=True, text=True, check=False)
    if shell == "bash" and "bash" in done.stderr.lower():
        pytest.fail(done.stderr)
    assert "_DJCELERY_COMPLETE" in done.stdout


def test_values_are_completed():
    env = {
        **os.environ,
        "_DJCELERY_COMPLETE": "zsh_complete",
        "COMP_WORDS": "djcelery new --broker r",
        "COMP_CWORD": "3",
    }
    done = subprocess.run([sys.executable, "-m", "djcelery"], env=env, capture_output=True, text=True, check=False)
    assert "redis" in done.stdout
    assert "rabbitmq" in done.stdout


def test_the_picture_is_drawn_and_leads_nowhere():
    picture = (DOCS / "dialogue.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert "djcelery new" in picture
    assert set(re.findall(r"https?://[^\"' )<]+", picture)) <= {"http://www.w3.org/2000/svg", "http://localhost:8000/"}
    for key in new.ASKED:
        assert key in picture


def test_the_table_of_variables_is_what_its_script_writes():
    assert load("make_configuration").text() == CONFIGURATION, "run: python docs/make_configuration.py"


def test_it_has_a_row_for_each_variable_and_says_what_it_is_for():
    script = load("make_configuration")
    said = {cells[1].split("`")[1]: cells[3].strip() for cells in (line.split("|") for line in ROWS)}

    assert script.defaults().keys() <= said.keys()
    assert script.required() <= {name for name in said if f"`{name}` (required)" in CONFIGURATION}
    assert not [name for name, meaning in said.items() if len(meaning) < 20 or not meaning.endswith(".")]
