"""Test the questions of `djcelery init` on a terminal."""

from __future__ import annotations

import io
import re
import sys

import click
import pytest

from djcelery import dialogue, main
from tests.init.layouts import LAYOUTS
from tests.screen import DOWN, PLAIN, Screen

OTHER_TASK = '\n\n@shared_task\ndef other(pk):\n    """Do."""\n'


@pytest.fixture
def site(tmp_path):
    """Return a project with two tasks."""
    root = LAYOUTS["single_file"].build(tmp_path / "site")
    with (root / "shop/tasks.py").open("a") as tasks:
        tasks.write(OTHER_TASK)
    return root


@pytest.fixture
def answered(monkeypatch, capsys):
    """Return a function that runs `init` with lines typed into it, confirms the changes, and returns the dialogue."""

    def run(root, typed):
        monkeypatch.setattr(dialogue, "is_interactive", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        asked = []
        monkeypatch.setattr(click, "confirm", lambda text, **options: asked.append(text) or True)
        with pytest.raises(SystemExit) as left:
            main.main(["init", str(root)])
        assert not left.value.code
        assert asked == ["Make these changes?"]
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(("typed", "has_library"), [("\n", False), ("check\n", False), ("jobs\n", True), ("2\n", True)])
def test_the_level_is_asked_in_one_question_and_the_changes_are_confirmed_once(answered, site, typed, has_library):
    dialogue_text = answered(site, typed)
    assert dialogue_text.count("]: ") == 1
    assert "  1 check  a baseline for djcelery check" in dialogue_text
    assert (site / ".djcelery-baseline.json").is_file()
    assert (site / "djcelery_jobs").is_dir() is has_library
    assert "DurableTask" not in (site / "shop/tasks.py").read_text()


@pytest.mark.parametrize(
    ("typed", "durable"),
    [
        ("durable\n\n\n", ["count_order"]),
        ("3\nshop.tasks.other\ndone\n", ["other"]),
        ("3\n1\n2\n", ["count_order", "other"]),  # there is no third one to ask for
        ("?\n3\nshop.tasks.othr\n2\n\n", ["other"]),
    ],
)
def test_the_tasks_of_the_third_level_are_asked_one_after_another(answered, site, typed, durable):
    dialogue_text = answered(site, typed)
    tasks = (site / "shop/tasks.py").read_text()
    assert re.findall(r"@shared_task\(base=DurableTask\)\ndef (\w+)", tasks) == durable
    assert re.search(r"  1 shop\.tasks\.count_order  (\x1b\S+)?shop/tasks\.py:7", dialogue_text)
    assert ("As an option: --check, --jobs or --durable TASK" in " ".join(dialogue_text.split())) is ("?" in typed)
    assert ("Did you mean shop.tasks.other?" in dialogue_text) is ("othr" in typed)


def test_a_project_without_tasks_is_not_asked_for_them(answered, tmp_path):
    root = LAYOUTS["in_the_root"].build(tmp_path / "site")
    assert "durable" not in answered(root, "\n")


@pytest.mark.parametrize("variables", PLAIN, ids=lambda variables: next(iter(variables)))
def test_without_a_menu_the_questions_are_plain_lines(site, variables):
    screen = Screen(["init"], site, **variables)
    screen.wait_for("level [check]: ")
    screen.type("durable\n")
    screen.wait_for("task [shop.tasks.count_order]: ")
    screen.type("\n")
    screen.wait_for("task [done]: ")
    screen.type("\n")
    screen.wait_for("Make these changes? [y/N]: ")
    screen.type("n\n")
    assert screen.leave() == 1
    assert ("\x1b[" in screen.text) is ("ACCESSIBLE" in variables)
    assert "\x1b[A" not in screen.text
    assert "\x1b[J" not in screen.text
    assert not (site / "djcelery_jobs").exists()


def test_arrow_keys_choose_the_level_and_the_tasks_and_a_question_mark_explains(site):
    screen = Screen(["init"], site, NO_COLOR="", ACCESSIBLE="")
    screen.wait_for("nothing at run time changes")
    screen.type(DOWN + DOWN + "?")
    screen.wait_for("As an option: --check, --jobs or --durable TASK")
    screen.type("\n")
    screen.wait_for("shop/tasks.py:")
    screen.type(DOWN + "\n")
    screen.wait_for("no other task")
    screen.type("\n")
    screen.wait_for("Make these changes? [y/N]: ")
    screen.type("y\n")
    assert screen.leave() == 0
    assert "level: \x1b[36mdurable" in screen.text
    assert "task: \x1b[36mshop.tasks.other\x1b" in screen.text
    assert (site / "shop/tasks.py").read_text().count("base=DurableTask") == 1
