"""Test the questions with a pretended user; tests/template/test_new_terminal.py has the real terminal."""

from __future__ import annotations

import io
import sys

import pytest

from djcelery import dialogue, menu
from djcelery.commands import new
from djcelery.main import cli
from djcelery.questions import EXPLANATIONS, NAME, Question


@pytest.fixture
def typed(monkeypatch):
    def type_in(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return type_in


@pytest.mark.parametrize(
    ("key", "text", "answer"),
    [
        ("broker", "\n", "redis"),
        ("broker", "2\n", "rabbitmq"),
        ("broker", " RabbitMQ \n", "rabbitmq"),
        ("sentry", "\n", True),
        ("sentry", "n\n", False),
        ("sentry", "YES\n", True),
        ("project_slug", "\n", "myproject"),
        ("project_slug", "bookshop\n", "bookshop"),
    ],
)
def test_an_answer(typed, key, text, answer):
    typed(text)
    assert dialogue.ask(new.QUESTIONS[key], new._find_problem) == answer


@pytest.mark.parametrize(
    ("key", "text", "answer", "words"),
    [
        ("broker", "rabbitm\n2\n", "rabbitmq", "Did you mean rabbitmq?"),
        ("broker", "3\n0\n1\n", "redis", 'Invalid choice: "3". Enter a name or a number.'),
        ("sentry", "maybe\nno\n", False, "Enter yes or no."),
        ("project_slug", "my-shop\nmy_shop\n", "my_shop", "Try my_shop."),
    ],
)
def test_a_bad_answer_is_asked_again(typed, capsys, key, text, answer, words):
    typed(text)
    assert dialogue.ask(new.QUESTIONS[key], new._find_problem) == answer
    assert words in capsys.readouterr().err


def test_the_help_and_every_choice_are_shown_and_nothing_goes_to_stdout(typed, capsys):
    for key in new.ASKED:
        question = new.QUESTIONS[key]
        typed("\n")
        dialogue.ask(question, new._find_problem)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert question.help in " ".join(shown.err.split())
        assert all(choice in shown.err and label in shown.err for choice, label in question.labels.items())


def test_every_question_is_explained_and_fits_into_80_columns(typed, capsys):
    for key in [NAME, *new.ASKED]:
        typed("?\n\n")
        dialogue.ask(new.QUESTIONS[key], new._find_problem, "2 of 8")
        shown = capsys.readouterr().err
        assert EXPLANATIONS[key] in " ".join(shown.split())
        assert "2 of 8  " in shown
        assert max(map(len, shown.replace("]: ", "]:\n").splitlines())) <= 80
        assert key == NAME or f"--{key}" in shown


def test_the_default_is_explained_once(monkeypatch, typed, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dialogue, "is_interactive", lambda: True)
    typed("shop\n" + "\n" * len(new.ASKED) + "n\n")
    cli.main(["new"], standalone_mode=False)
    shown = capsys.readouterr().err
    assert shown.count("Press Enter") == 1
    count = len(new.ASKED) + 2  # and the name, and whether to install
    assert [f"{n} of {count}  " in shown for n in range(1, count + 1)] == [True] * count


def test_the_end_of_the_input_stops(typed):
    typed("rediss\n")
    with pytest.raises(EOFError):
        dialogue.ask(new.QUESTIONS["broker"], new._find_problem)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm")])
def test_colour_only_where_it_is_wanted(monkeypatch, typed, name, value):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    typed("\n")
    dialogue.ask(new.QUESTIONS["broker"], new._find_problem)
    assert ("\033" in screen.getvalue()) is (value == "xterm")


def test_no_terminal_no_questions(monkeypatch, typed):
    typed("")
    assert not dialogue.is_interactive()


def test_more_choices_than_the_screen_has_lines_are_a_list(typed, capsys, monkeypatch):
    monkeypatch.setattr(menu, "is_possible", lambda: True)
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setattr(menu, "choose", lambda labels, default, explanation: "Task3")

    def question(count):
        return Question("task", "Task0", "Which task?", {f"Task{number}": "here" for number in range(count)})

    assert dialogue.ask(question(7), new._find_problem) == "Task3"
    assert "3 Task2" not in capsys.readouterr().err
    typed("task1\nTask1\n")
    assert dialogue.ask(question(8), new._find_problem) == "Task1"
    assert "3 Task2" in capsys.readouterr().err


def test_a_question_can_bring_its_own_explanation_and_option(typed, capsys):
    typed("?\n\n")
    dialogue.ask(Question("task", "a", "Which?", {"a": "", "b": ""}, "It matters.", "--durable TASK"), lambda *_: "")
    assert "It matters. As an option: --durable TASK\n" in capsys.readouterr().err
