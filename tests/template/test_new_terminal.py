"""Test the dialogue on a real terminal."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.screen import DOWN, PLAIN, UP, Screen


@pytest.mark.parametrize("variables", PLAIN, ids=lambda variables: next(iter(variables)))
def test_every_question_with_its_help_and_a_second_chance_in_plain_lines(tmp_path, variables):
    screen = Screen(["new"], tmp_path, **variables)
    screen.wait_for("name [myproject]: ")
    screen.type("my-shop\n")
    screen.wait_for("name [myproject]: ")
    assert "Try my_shop." in screen.text
    screen.type("my_shop\n")
    screen.wait_for("broker [redis]: ")
    screen.type("rabitmq\n")
    screen.wait_for("broker [redis]: ")
    assert "Did you mean rabbitmq?" in screen.text
    screen.type("2\n")
    for question in (
        "results [none",
        "schedule [settings",
        "sentry [yes",
        "ci [github",
        "kubernetes [no",
        "example [yes",
    ):
        screen.wait_for(f"{question}]: ")
        screen.type("\n")
    screen.wait_for("install [yes]: ")
    screen.type("n\n")
    assert screen.leave() == 0
    assert "--broker rabbitmq" in screen.text
    assert (tmp_path / "my_shop/manage.py").exists()
    assert ("\x1b[" in screen.text) is ("ACCESSIBLE" in variables)
    assert "\x1b[A" not in screen.text
    assert "\x1b[J" not in screen.text


def test_arrow_keys_numbers_and_letters_choose_and_a_question_mark_explains(tmp_path):
    screen = Screen(["new"], tmp_path, NO_COLOR="", ACCESSIBLE="")
    screen.wait_for("name [myproject]: ")
    screen.type("my_shop\n")
    screen.wait_for("2 of 9")
    screen.type(DOWN)
    screen.type("\n")
    screen.wait_for("broker: ")
    screen.type("?")
    screen.wait_for("As an option: --results none|django")
    screen.type("2\n")
    screen.wait_for("results: ")
    screen.type("data\n" + UP + "\n")  # typed ahead: each question takes its own keys
    screen.wait_for("sentry: ")
    screen.type("\x1bOA\n")
    screen.wait_for("ci: ")
    screen.type("Y\n\nnq\n")
    assert screen.leave() == 0
    words = " --broker rabbitmq --results django --schedule database --no-sentry --ci none --kubernetes --example "
    assert words in screen.text
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", screen.text).split("Created")[0].split("\n"))) <= 81


def test_the_terminal_is_as_it_was_after_ctrl_c_in_a_menu(tmp_path):
    screen = Screen(["new", "shop"], tmp_path, NO_COLOR="", ACCESSIBLE="")
    screen.wait_for("\x1b[2A")  # back to the marked line
    assert not screen.echoes()
    screen.stop(signal.SIGINT)
    screen.wait_for("Cancelled")
    assert screen.echoes()
    assert screen.leave() == 130
    assert list(tmp_path.iterdir()) == []


def test_the_last_question_is_whether_to_install(tmp_path):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\ntest $1 = --version || echo fetching\n")
    uv.chmod(0o755)
    screen = Screen(["new", "shop"], tmp_path, PATH=f"{uv.parent}:{os.environ['PATH']}", NO_COLOR="1")
    for _ in range(8):
        screen.wait_for("]: ")
        screen.type("\n")
    assert screen.leave() == 0
    assert "8 of 8  Install the project" in screen.text
    assert screen.text.index("fetching") < screen.text.index("Next steps:")
    assert "pip install" not in screen.text


def test_any_flag_means_no_questions(tmp_path):
    screen = Screen(["new", "shop", "--no-git"], tmp_path, NO_COLOR="1")
    assert screen.leave() == 0
    assert "of 8" not in screen.text
    assert "Using defaults: " in screen.text
    assert "\x1b[" not in screen.text


def test_ctrl_c_at_a_question_leaves_nothing(tmp_path):
    screen = Screen(["new", "shop"], tmp_path, TERM="dumb")
    screen.wait_for("broker [redis]: ")
    screen.stop(signal.SIGINT)
    assert screen.leave() == 130
    assert list(tmp_path.iterdir()) == []
    assert "Cancelled" in screen.text
    assert "\x1b[" not in screen.text


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"NO_COLOR": "", "ACCESSIBLE": ""}])
def test_ctrl_d_at_a_question_leaves_nothing(tmp_path, variables):
    screen = Screen(["new", "shop"], tmp_path, **variables)
    screen.wait_for("1 of 8")
    screen.type("\x04")
    assert screen.leave() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_told_before_any_question(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/precious").touch()
    screen = Screen(["new", "shop"], tmp_path)
    assert screen.leave() == 1
    assert "It contains precious" in screen.text
    assert "of 8" not in screen.text
