"""Write docs/configuration.md from the template's settings and its .env.example: python docs/make_configuration.py"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parent / "configuration.md"
SLUG = "{{cookiecutter.project_slug}}"
TEMPLATE = Path(__file__).parents[1] / SLUG
SETTINGS = TEMPLATE / SLUG / "settings"

HEAD = """\
# Configuration

<!-- Written by docs/make_configuration.py from the template; a test keeps it true. Change the settings, or
.env.example. -->

Set an environment variable for each value that differs between machines. On a laptop, you can put the variables into
`.env`, which git ignores. A variable of the environment overrides one in `.env`. An empty variable counts as absent.
Values that are the same everywhere, such as queues, limits and routes, are code in `settings/jobs.py`.

A value *in italics* is an example. Such a variable has no default, and the last column says what happens without it.

"""
COLUMNS = "| variable | default | what it is for |\n|---|---|---|\n"
READ_EARLIER = """\
## Read by the programs themselves

Set these in the environment, because `.env` is read too late for them. The image sets them.

| variable | in the image | what it is for |
|---|---|---|
"""
EARLIER = {
    "DJANGO_SETTINGS_MODULE": "The settings module. Without it, a web server takes `production`, all else `local`.",
    "PORT": "The port of gunicorn.",
    "WEB_CONCURRENCY": "Processes of gunicorn.",
    "REMAP_SIGTERM": "With this value, a worker that gets SIGTERM gives its jobs back. `manage.py worker` sets it too.",
}


class Row(NamedTuple):
    """Describe a variable in .env.example. answers: those with which it is there; section: the heading above it."""

    name: str
    value: str
    meaning: str
    section: str
    answers: str


def rows(text: str) -> Iterator[Row]:
    section, meaning, answers = "", [], [""]
    for line in text.splitlines():
        comment = line.removeprefix("# ")
        if tag := re.fullmatch(r"# \{% (\w+) ?(.*?) ?%\}", line):
            _follow(tag, answers)
        elif heading := re.fullmatch(r"# -- (.*?) -+", line):
            section = heading[1]
        elif pair := re.fullmatch(r"(?:# )?([A-Z_]+)=(.*)", line):
            yield Row(pair[1], pair[2], " ".join(meaning), section, " ".join(filter(None, answers)))
        if line.startswith("# ") and not re.match(r"-- |\{%|[A-Z_]+=", comment):
            meaning.append(comment)
        else:
            meaning = []


OTHER = {"broker redis": "broker rabbitmq", "broker rabbitmq": "broker redis"}


def _follow(tag: re.Match[str], answers: list[str]) -> None:
    """Keep the answers that the lines below need: cookiecutter.broker == "redis" is `broker redis`."""
    word, condition = tag.groups()
    if word == "if":
        answers.append(re.sub(r'cookiecutter\.|["=]', "", condition).replace("  ", " "))
    elif word == "else":
        answers[-1] = OTHER[answers[-1]]
    else:
        answers.pop()


def defaults() -> dict[str, str]:
    """Return the default of each variable that the settings read; nothing if it is not a plain value."""
    found = {}
    for path in sorted(SETTINGS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).partition(".")[0] == "env" and node.args:
                name = ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else ""
                default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
                if name:
                    found.setdefault(name, _plain(default))
    return found


def _plain(node: ast.expr | None) -> str:
    if not isinstance(node, ast.Constant) or node.value in ("", None):
        return ""
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def required() -> set[str]:
    """Return what production does not start without."""
    module = ast.parse((SETTINGS / "production.py").read_text(encoding="utf-8"))
    [names] = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REQUIRED"
    ]
    return set(ast.literal_eval(names))


def text() -> str:
    read, needed = defaults(), required()
    listed = list(rows((TEMPLATE / ".env.example").read_text(encoding="utf-8")))
    parts = [HEAD]
    for section in dict.fromkeys(row.section for row in listed):
        parts.append(f"## {section}\n\n{COLUMNS}")
        for row in listed:
            if row.section == section:
                parts.append(f"| {_variable(row, needed)} | {_default(row, read)} | {row.meaning} |\n")
        parts.append("\n")
    image = dict(re.findall(r"([A-Z_]+)=(\S+)", _slugless((TEMPLATE / "Dockerfile").read_text(encoding="utf-8"))))
    earlier = [f"| `{name}` | `{image[name]}` | {meaning} |\n" for name, meaning in EARLIER.items()]
    return "".join([*parts, READ_EARLIER, *earlier])


def _variable(row: Row, needed: set[str]) -> str:
    notes = [row.answers] if row.answers else []
    return f"`{row.name}`{' (required)' if row.name in needed else ''}{''.join(f'<br>with {note}' for note in notes)}"


def _default(row: Row, read: dict[str, str]) -> str:
    if default := read.get(row.name):
        return f"`{default}`"
    return f"*`{_slugless(row.value)}`*" if row.value else ""


def _slugless(value: str) -> str:
    return re.sub(r"\{\{.*?\}\}", "myproject", value)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
