"""Test the rules for answers: one table here for what passes, one for what does not."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import keyword
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "{{cookiecutter.project_slug}}"


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"hooks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pre = load("pre_gen_project")
GOOD_NAMES = ["shop", "my_shop", "shop2", "a", "a" * 40, "web_2_print", "bookshop", "api", "worker"]
BAD_NAMES = [
    "", " ", ".", "..", "../evil", "a/b", "a\\b", "~", "$HOME", "my-shop", "My_shop", "SHOP", "2shop", "_shop", "shop_",
    "sh op", "shop\n", "shöp", "\uff53hop", "магазин", "a" * 41, "shop;rm", "`id`", "shop.", "shop\0", "💥", "--help",
    "class", "match", "type", "lambda", "async", "_", "test", "email", "queue", "secrets", "site", "compression",
    "django", "celery", "kombu", "redis", "environ", "jobs", "orders", "users", "tests", "manage", "settings",
    "static", "templates", "config", "con", "nul", "com1", None, 3, True, ["shop"],
]  # fmt: skip
GOOD_TEXTS = [
    "",
    "Jane Doe",
    "Jane O'Brien",
    "Zoë",
    "東京 花子",
    "Нина",
    "علی‌رضا",
    "R&D, 100 % $5 #1!",
    "a" * 100,
    "👩‍🚀 😀",
]  # fmt: skip
BAD_TEXTS = [
    'a "b"', "a\\b", "a`b", "{{ 7 * 7 }}", "{% x %}", "# {% x %}", "{", "}", "<b>", "a>b", "a\nb", "a\rb", "a\tb",
    "a\0b", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\u200eb", "\ufeffa",
    "\ud800", "a\ue000", " a", "a ", "a" * 201, None, 3, True, ["a"],
]  # fmt: skip
GOOD_EMAILS = ["", "jane@example.org", "j.o'hara+x@mail.example.co.uk", "a@b.c"]
BAD_EMAILS = [
    "jane",
    "jane@",
    "@example.org",
    "jane@example",
    "a b@c.d",
    "a@b..c",
    "a@b.c,d@e.f",
    "zoë@x.org",
    "a@b.c\n",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_good_names(name):
    assert pre.problems({"project_slug": name}) == []


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_bad_names_get_one_message_and_a_valid_name(name):
    (problem,) = pre.problems({"project_slug": name})
    assert problem.message.endswith(".")
    assert "\n" not in problem.message
    assert pre.problems({"project_slug": problem.fixed}) == []
    assert problem.hint.endswith(f"Try {problem.fixed}.")


@pytest.mark.parametrize(
    ("name", "fixed"),
    [("my-shop", "my_shop"), ("My Shop!", "my_shop"), ("Café", "cafe"), ("class", "my_class"), ("2shop", "my_2shop"),
     ("django", "my_django"), ("東京", "bookshop"), ("a" * 50, "a" * 40)],
)  # fmt: skip
def test_the_suggestion_is_close(name, fixed):
    assert pre.suggest(name) == fixed


def test_every_keyword_and_every_module_of_the_standard_library_is_refused():
    for name in {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names}:
        assert pre.problems({"project_slug": name}), name


@pytest.mark.parametrize("key", ["description", "author"])
@pytest.mark.parametrize("text", GOOD_TEXTS)
def test_good_texts_stay_what_they_are_in_toml(key, text):
    assert pre.problems({key: text}) == []
    assert tomllib.loads(f'text = "{text}"') == {"text": text}


@pytest.mark.parametrize("key", ["description", "author", "email"])
@pytest.mark.parametrize("text", BAD_TEXTS, ids=ascii)
def test_bad_texts(key, text):
    (problem,) = pre.problems({key: text})
    assert "\n" not in problem.message
    assert problem.message.isprintable()


@pytest.mark.parametrize("email", GOOD_EMAILS)
def test_good_emails(email):
    assert pre.problems({"email": email}) == []


@pytest.mark.parametrize("email", BAD_EMAILS)
def test_bad_emails(email):
    assert len(pre.problems({"email": email})) == 1


def test_the_choices_are_those_of_the_questions():
    questions = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    asked = {key: raw for key, raw in questions.items() if isinstance(raw, list | bool) and not key.startswith("_")}
    asked["vendor"] = questions["_vendored"]
    assert {key: list(choices) for key, choices in pre.CHOICES.items()} == {
        key: [True, False] if isinstance(raw, bool) else raw for key, raw in asked.items()
    }


@pytest.mark.parametrize(("key", "value"), [("broker", "kafka"), ("ci", ""), ("sentry", "yes"), ("sentry", 1)])
def test_an_unknown_choice_is_refused(key, value):
    (problem,) = pre.problems({key: value})
    assert problem.hint.startswith("Choose ")
    assert problem.message.startswith(f"Invalid value for {key}: ")


def test_every_rule_can_refuse():
    bad = {"project_slug": BAD_NAMES, "email": [*BAD_EMAILS, *BAD_TEXTS, "a" * 255]}
    for rule in pre.RULES:
        assert any(_refuses(rule, value) for value in bad.get(rule.question, [*BAD_TEXTS, "no such"])), rule


def _refuses(rule, value):
    """Ask a rule only about what the rules before it let pass."""
    before = pre.RULES[: pre.RULES.index(rule)]
    answers = {rule.question: value}
    return not pre.problems(answers, before) and bool(pre.problems(answers, [rule]))


def test_everything_at_the_top_of_the_project_is_a_name_of_its_own():
    for path in PROJECT.iterdir():
        name = path.name.removesuffix(".py")
        if path.suffix in ("", ".py") and re.fullmatch(r"[a-z_]+", name):
            assert pre.problems({"project_slug": name}), name


def test_every_package_that_a_project_installs_is_refused():
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in wanted.get("optional-dependencies", {}).values() for line in lines]
    # Our own two have their version from the template.
    lines = [line.split("=={{")[0].split("{{")[0] for line in (*wanted["dependencies"], *extras)]
    assert {"djcelery", "djcelery-jobs"} <= set(lines)
    names = {name for package in closure(lines) for name in import_names(package)}
    assert names, "nothing was found, so nothing was tested"
    assert names - pre.INSTALLED_NAMES == set()


def closure(requirements: list[str]) -> list[Distribution]:
    """Return the installed distributions that these requirements lead to."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        wanted = waiting.pop()
        with contextlib.suppress(PackageNotFoundError):
            package = found[wanted.name] = distribution(wanted.name)
            for below in map(Requirement, package.requires or []):
                extras = wanted.extras or {""}
                holds = below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras)
                if holds and below.name not in found:
                    waiting.append(below)
    return list(found.values())


def import_names(package: Distribution) -> set[str]:
    tops = {file.parts[0] for file in package.files or [] if file.suffix in (".py", ".so")}
    return {name for top in tops if re.fullmatch(r"[a-z][a-z0-9_]*", name := top.split(".")[0])}


@pytest.mark.parametrize(("name", "code"), [("class", 1), ("shop", 0)])
def test_as_a_script_it_says_what_is_wrong_and_fails(name, code):
    source = (ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    source = re.sub(r"\{\{.*\}\}", json.dumps({"project_slug": name}), source)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == ('Error: "class" is a Python keyword.\nHint: Try my_class.\n' if code else "")
