"""Asking on a terminal: one question at a time, with its help, until the answer is a good one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from djcelery.errors import closest
from djcelery.questions import Answer, Question

YES_NO = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}

# Says what is wrong with an answer, or nothing.
Judge = Callable[[str, Answer], str]


def is_possible() -> bool:
    """Can anybody see a question and answer it?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: Question, judge: Judge) -> Answer:
    """Ask until there is an answer to `question` with which `judge` finds nothing wrong.

    Raises EOFError when the input ends.
    """
    _say(f"\n{_styled(question.help, '1')}")
    for number, (choice, label) in enumerate(question.labels.items(), start=1):
        _say(f"  {number} {choice}" + (f"  {_styled(label, '2')}" if label != choice else ""))
    while True:
        _say(f"{_name(question)} [{_shown(question.default)}]: ", end="")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        answer, problem = _understood(question, line.strip())
        problem = problem or judge(question.key, answer)
        if not problem:
            return answer
        _say(_styled(problem, "33"))


def _understood(question: Question, typed: str) -> tuple[Answer, str]:
    """Return the answer that `typed` stands for, and what is wrong with it if it stands for none."""
    if not typed:
        return question.default, ""
    if isinstance(question.default, bool):
        if typed.lower() in YES_NO:
            return YES_NO[typed.lower()], ""
        return "", "Answer yes or no."
    if not question.choices:
        return typed, ""
    if typed.isdecimal() and 1 <= int(typed) <= len(question.choices):
        return question.choices[int(typed) - 1], ""
    if typed.lower() in question.choices:
        return typed.lower(), ""
    guess = closest(typed, question.choices)
    return "", f"{typed!r} is not among the choices." + (f" Did you mean {guess}?" if guess else "")


def _name(question: Question) -> str:
    return "name" if question.key == "project_slug" else question.key


def _shown(answer: Answer) -> str:
    return {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else answer


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _styled(text: str, code: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    return text if plain else f"\033[{code}m{text}\033[0m"
