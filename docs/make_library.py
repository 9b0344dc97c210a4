"""Writes the tables in lib/README.md and docs/django-tasks.md from the library itself: python docs/make_library.py"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

README = Path(__file__).parents[1] / "lib" / "README.md"
DJANGO_TASKS = Path(__file__).parent / "django-tasks.md"
# A constant has no docstring.
CONSTANTS = {
    "TRANSIENT_ERRORS": "The exceptions that a job retries by itself: lost connections and time-outs.",
    "STATES": "The states by which people filter jobs, each with the condition that its rows meet.",
}


def settings_table() -> str:
    """Return a row for each setting in `DJCELERY_JOBS`."""
    from djcelery_jobs.conf import JobsSettings

    rows = [
        f"| `{field.name}` | {default_of(field.default)} | {field.metadata['help']} |" for field in fields(JobsSettings)
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def default_of(value: object) -> str:
    """Return a default as a person reads it: thousands apart, and an empty string in quotes."""
    return f"{value:,}" if isinstance(value, int | float) else f'`"{value}"`'


def names_table() -> str:
    """Return a row for each public name, with the first sentence of its docstring."""
    import djcelery_jobs
    from djcelery_jobs import operations, tasks_backend, testing

    rows = [f"| `{name}` | {first_sentence(djcelery_jobs, name)} |" for name in djcelery_jobs.__all__]
    for module in (operations, testing, tasks_backend):
        prefix = module.__name__.rpartition(".")[2]
        rows += [f"| `{prefix}.{name}` | {first_sentence(module, name)} |" for name in module.__all__]
    return "\n".join(["| name | purpose |", "|---|---|", *rows])


def first_sentence(module: object, name: str) -> str:
    """Return the first sentence of the name's docstring in one line."""
    text = CONSTANTS.get(name) or " ".join(getattr(module, name).__doc__.split("\n\n")[0].split())
    return re.split(r"(?<=[.]) ", text)[0]


def options_table() -> str:
    """Return a row for each option of a `@task`, from the docstring of the class that holds them."""
    from djcelery_jobs.core.task_options import NAMES, TaskOptions

    lines = [line.strip().partition(": ") for line in (TaskOptions.__doc__ or "").splitlines()]
    meanings = {name: meaning for name, _, meaning in lines if name in NAMES}
    rows = [f"| `{name}` | {meanings[name][0].upper()}{meanings[name][1:]} |" for name in NAMES]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def with_tables(text: str) -> str:
    """Return the README with both tables written anew between their marks."""
    return with_written(text, {"settings": settings_table(), "names": names_table()})


def with_options(text: str) -> str:
    """Return the page about Django's tasks with its table written anew."""
    return with_written(text, {"options": options_table()})


def with_written(text: str, tables: dict[str, str]) -> str:
    """Return a text with each table between its marks."""
    for name, table in tables.items():
        begin, end = f"<!-- {name}: written by docs/make_library.py -->", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth", "django_celery_beat", "djcelery_jobs"]
    settings.configure(INSTALLED_APPS=apps, WORKLOADS={})
    django.setup()
    README.write_text(with_tables(README.read_text()))
    DJANGO_TASKS.write_text(with_options(DJANGO_TASKS.read_text()))
