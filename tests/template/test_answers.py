"""Test that every answer gives a project that is clean, complete and green.

One project costs about 8 s of CPU, and there are 192 combinations of answers. Seven of them, in which every value
meets every value of every other question, find what two answers do to each other. One has everything on, and the
longest slug there may be. All run in this environment; on the other Python that is supported, two of them do,
each installed as its README says: with the newest Django there is, and with the schedule in the database, which
holds Django back.
"""

from __future__ import annotations

import itertools
import json
import sys
import tomllib
from pathlib import Path

import pytest

from tests.projects import Project, interpreter, make

ROOT = Path(__file__).parents[2]
LONGEST_SLUG = "the_longest_name_that_a_project_may_have"

PAIRS = {
    LONGEST_SLUG: "--broker rabbitmq --results django --schedule database --sentry --ci github --kubernetes --example",
    "shop": "--broker redis --results none --schedule settings --no-sentry --ci none --kubernetes --example",
    "database": "--broker rabbitmq --results django --schedule database --sentry --ci none --no-example",
    "queues": "--broker rabbitmq --results none --schedule settings --sentry --ci gitlab --no-kubernetes --example",
    "ledger": "--broker redis --results django --schedule database --no-sentry --ci gitlab --kubernetes --no-example",
    "nightly": "--broker redis --results none --schedule database --sentry --ci github --no-kubernetes --no-example",
    "reports": "--broker rabbitmq --results django --schedule settings --no-sentry --ci github --no-example",
}
# Kubernetes is off where it is not named.
# Counting lines costs half as much again. These two differ in every answer that puts code into a project.
COVERED = (LONGEST_SLUG, "shop")
# The oldest and the newest that CI must see; pip chooses Django 5.2 for one and 6.x for the other.
PYTHONS = ["3.11", "3.13"]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

AWKWARD = {
    "apostrophe": "O'Brien & Sons",
    "umlaut": "Zoë Müller",
    "japanese": "東京 Shop",
    "emoji": "Tea 🍵 and cups",
}


def judge(project: Project, *words: str) -> str:
    """Do all that a project's own CI would do, and more. words: for its pytest, whose output is returned."""
    project.lint()
    project.compile()
    project.check()
    return project.test(*words)


@pytest.mark.matrix
@pytest.mark.parametrize("slug", PAIRS)
def test_a_combination_of_answers(tmp_path, slug):
    said = judge(make(tmp_path, slug, PAIRS[slug].split()), *(["--cov"] if slug in COVERED else []))

    assert " passed" in said
    assert ("Required test coverage of 95.0% reached" in said) == (slug in COVERED)


@pytest.mark.matrix
@pytest.mark.parametrize("flags", ["--schedule settings", "--schedule database --results django --broker rabbitmq"])
@pytest.mark.parametrize("version", [version for version in PYTHONS if version != HERE])
def test_on_another_python(tmp_path, version, flags):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"interpreter not installed: Python {version}")
    project = make(tmp_path, "elsewhere", flags.split(), tmp_path / "venv" / "bin" / "python")
    install(project, python)

    assert " passed" in judge(project)


def test_the_combinations_hold_every_pair_of_answers():
    questions = json.loads((ROOT / "cookiecutter.json").read_text())
    choices = {key: value for key, value in questions.items() if isinstance(value, list) and key[0] != "_"}
    switches = [key for key, value in questions.items() if isinstance(value, bool) and key[0] != "_"]
    choices |= {key: [True, False] for key in switches}
    combinations = [answers(flags.split()) for flags in PAIRS.values()]

    missing = [
        {one: this, other: that}
        for one, other in itertools.combinations(choices, 2)
        for this, that in itertools.product(choices[one], choices[other])
        if not any(combination[one] == this and combination[other] == that for combination in combinations)
    ]

    assert missing == []
    assert len(LONGEST_SLUG) == 40


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_awkward_text_keeps_its_value(tmp_path, text):
    project = make(tmp_path, "myproject", ["--author", text, "--description", text, "--email", "o'b@example.org"])

    metadata = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recorded = tomllib.loads((project.path / ".djcelery.toml").read_text(encoding="utf-8"))["answers"]
    assert metadata["description"] == recorded["description"] == text
    assert metadata["authors"] == [{"name": text, "email": "o'b@example.org"}]
    assert recorded["author"] == text


@pytest.mark.parametrize("author", [("Jane", ""), ("", "jane@example.org"), ("", "")], ids=["name", "mail", "nobody"])
def test_an_author_may_be_unknown(tmp_path, author):
    project = make(tmp_path, "myproject", ["--author", author[0], "--email", author[1]])

    metadata = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["authors"] == ([{"name": "Jane"}] if author[0] else [])


def answers(flags: list[str]) -> dict[str, str | bool]:
    """Return the answers that these flags give: --broker redis, --sentry or --no-sentry."""
    given: dict[str, str | bool] = {key: f"--{key}" in flags for key in ("sentry", "kubernetes", "example")}
    for flag, value in itertools.pairwise(flags):
        if not value.startswith("--"):
            given[flag.removeprefix("--")] = value
    return given


def install(project: Project, python: str) -> None:
    """Return what the project's README says, with uv, which takes seconds where pip takes half a minute."""
    for command in (
        ["venv", "--python", python, str(project.python.parents[1])],
        ["pip", "install", "--python", str(project.python), "-e", ".[dev]"],
    ):
        uv = Project(project.path)  # uv is among the tools of this environment
        uv.run("-m", "uv", "--quiet", *command)
