"""Read the questions from `cookiecutter.json`, and answers to them from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from djcelery.errors import CommandError, did_you_mean

Answer = str | bool
NAME = "project_slug"
# The answer to a question that cookiecutter never asks, because a version of djcelery decides it for most projects.
VENDOR = "vendor"
# What is done with the new project, and is no part of it.
INSTALL = "install"
# What `?` says, besides how to give the answer as an option. How to decide, and what can be changed later.
EXPLANATIONS = {
    NAME: "It becomes the folder and the Python package, so it is lower case with underscores. Renaming later is work.",
    "broker": "The broker holds messages until a worker takes them. Durable jobs are safe with either, since their "
    "rows are in your database. You can change it later in settings/jobs.py.",
    "results": "A job's state is on the jobs page in any case. Only code that reads AsyncResult.get() needs results.",
    "schedule": "In settings, a change is reviewed and deployed. In the database, it takes effect without a deploy.",
    "sentry": "Without SENTRY_DSN nothing is sent, so you can leave it in.",
    "ci": "The service runs lint, tests and the checks of migrations on every push.",
    "kubernetes": "The project has systemd units and a Procfile in any case.",
    "example": "The shop shows a task, a schedule entry and tests for each queue. `djcelery remove example` "
    "takes it out.",
    INSTALL: "It downloads about 60 packages with uv, or with venv and pip where uv is missing.",
}


@dataclass(frozen=True)
class Question:
    """Describe one question: its key, default answer, help sentence, and the labels of its choices, if any.

    `explanation` is what `?` says, and `option` the option that answers the question; without them, the explanation
    is that of the key, and the option is named like it.
    """

    key: str
    default: Answer
    help: str
    labels: Mapping[str, str]
    explanation: str = ""
    option: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(self.labels)


def read_questions(file: Path) -> dict[str, Question]:
    """Return the questions that cookiecutter would ask, by key, in its order, and whether to vendor the library."""
    content = json.loads(file.read_text(encoding="utf-8"))
    prompts = content["__prompts__"]
    questions = {key: _question(key, raw, prompts[key]) for key, raw in content.items() if not key.startswith("_")}
    return questions | {VENDOR: Question(VENDOR, content["_vendored"], prompts["_vendored"], {})}


def _question(key: str, raw: Any, prompt: Any) -> Question:
    if isinstance(raw, list):
        return Question(key, raw[0], prompt["__prompt__"], {choice: prompt[choice] for choice in raw})
    return Question(key, raw, prompt, {})


def read_answers(file: Path, questions: Mapping[str, Question]) -> dict[str, Answer]:
    """Return the answers in a TOML file: its table `[answers]`, or else its top level.

    Raise CommandError for a file that cannot be read, is not TOML, or holds an unknown key, value or type.
    """
    import tomllib

    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CommandError(f"Could not read the answers file {file}: {error.strerror}.", "Check the path.") from None
    except ValueError as error:  # not TOML, or not UTF-8
        hint = 'Write one answer per line, for example: broker = "redis"'
        raise CommandError(f"The answers file {file} is not valid TOML: {error}", hint) from None
    answers = content.get("answers", content)
    if not isinstance(answers, dict):
        raise CommandError(f"In {file}, answers must be a table.", "Start the table with a line [answers].")
    for key, value in answers.items():
        _check(key, value, questions, file)
    return answers


def _check(key: str, value: Any, questions: Mapping[str, Question], file: Path) -> None:
    if key not in questions:
        raise CommandError(f"Unknown answer in {file}: {key}.", did_you_mean(key, questions))
    question = questions[key]
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if type(value) is not type(question.default):
        expected = "true or false" if isinstance(question.default, bool) else "a string"
        hint = f"Write {key} = {json.dumps(question.default)}"
        raise CommandError(f"Invalid value for {key} in {file}: must be {expected}, got {shown}.", hint)
    if question.choices and value not in question.choices:
        raise CommandError(f"Invalid value for {key} in {file}: {shown}.", did_you_mean(str(value), question.choices))


def as_flags(answers: Mapping[str, Answer]) -> str:
    """Return answers as the command-line options that give them, quoted for a shell."""
    from shlex import quote

    flags = []
    for key, value in answers.items():
        if isinstance(value, bool):
            flags.append(f"--{key}" if value else f"--no-{key}")
        elif key != NAME:
            flags.append(f"--{key} {quote(value)}")
    return " ".join(flags)
