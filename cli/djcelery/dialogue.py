"""Ask questions on a terminal, one at a time, until each has a valid answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from textwrap import fill

from djcelery import menu
from djcelery.errors import closest
from djcelery.questions import EXPLANATIONS, NAME, Answer, Question

YES_NO = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}

WIDTH = 80

# Returns what is wrong with an answer to the question of this key, or an empty string.
Validator = Callable[[str, Answer], str]


def is_interactive() -> bool:
    """Return whether somebody can see a question and answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def begin(title: str) -> None:
    """Print the title of a series of questions, and once for all of them how to answer."""
    _write(_styled(title, "1;36"))
    default = "choice. Arrow keys move, ? explains" if menu.is_possible() else "in brackets. Type ? for an explanation"
    _write(_styled(f"Press Enter to take the default {default}.", "2"))


def ask(question: Question, validate: Validator, progress: str = "") -> Answer:
    """Ask `question` until the answer is valid, and return it. `progress` is its place, such as "2 of 7".

    Raise EOFError when the input ends.
    """
    head = f"{progress}  {question.help}" if progress else question.help
    _write(f"\n{_styled(fill(head, WIDTH, break_on_hyphens=False), '1')}")
    labels = _labels(question)
    if menu.is_possible() and labels and menu.fits(labels):
        chosen = menu.choose(labels, _as_typed(question.default), _styled(_explanation(question), "2"))
        _write(f"  {question.key}: {_styled(chosen, '36')}")
        return _parse(question, chosen)[0]
    for number, (choice, label) in enumerate(question.labels.items(), start=1):
        _write(f"  {number} {choice}" + (f"  {_styled(label, '2')}" if label != choice else ""))
    while True:
        _write(f"{_prompt(question)} [{_as_typed(question.default)}]: ", end="")
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        if line.strip() == "?":
            _write(_styled(_explanation(question), "2"))
            continue
        answer, problem = _parse(question, line.strip())
        problem = problem or validate(question.key, answer)
        if not problem:
            return answer
        _write(_styled(fill(problem, WIDTH, break_on_hyphens=False), "33"))


def _labels(question: Question) -> Mapping[str, str]:
    """Return the answers that can be chosen; none where any text is one."""
    return {"yes": "", "no": ""} if isinstance(question.default, bool) else question.labels


def _explanation(question: Question) -> str:
    """Return what helps to decide, and the option that gives the same answer."""
    option = question.option or f"--{question.key}"
    if isinstance(question.default, bool):
        option += f" or --no-{question.key}"
    elif question.choices and not question.option:
        option += f" {'|'.join(question.choices)}"
    known = question.explanation or EXPLANATIONS.get(question.key, "")
    return fill(
        known if question.key == NAME else f"{known} As an option: {option}".strip(), WIDTH, break_on_hyphens=False
    )


def _parse(question: Question, typed: str) -> tuple[Answer, str]:
    """Return the answer that `typed` stands for, and what is wrong with it."""
    if not typed:
        return question.default, ""
    if isinstance(question.default, bool):
        if typed.lower() in YES_NO:
            return YES_NO[typed.lower()], ""
        return "", "Enter yes or no."
    if not question.choices:
        return typed, ""
    if typed.isdecimal() and 1 <= int(typed) <= len(question.choices):
        return question.choices[int(typed) - 1], ""
    for word in (typed, typed.lower()):
        if word in question.choices:
            return word, ""
    guess = closest(typed, question.choices)
    return "", f'Invalid choice: "{typed}".' + (f" Did you mean {guess}?" if guess else " Enter a name or a number.")


def _prompt(question: Question) -> str:
    return "name" if question.key == NAME else question.key


def _as_typed(answer: Answer) -> str:
    return {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else answer


def _write(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _styled(text: str, code: str) -> str:
    colorless = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    return text if colorless else f"\033[{code}m{text}\033[0m"
