"""Add a requirement to the file that lists what a project depends on, or move its bounds."""

from __future__ import annotations

import re

from djcelery.editing import NotEditable
from djcelery.editing.text import append_lines, newline_of
from djcelery.editing.toml import append_to_array
from djcelery.project.dependency_files import DependencyFile
from djcelery.requirements import package_name

CELERY = "celery[redis]>=5.7,<5.8"  # what the library is tried with
OLDEST_CELERY = (5, 7)
CLAUSES = re.compile(r"(==|>=|<=|~=|>|<|\^|~)\s*([\d.]+)")


def oldest_allowed(spec: str) -> tuple[int, ...]:
    """Return the oldest version that a requirement allows; an empty tuple if it has no lower bound."""
    lowest = [tuple(map(int, version.strip(".").split("."))) for operator, version in CLAUSES.findall(spec)
              if operator in {"==", ">=", "~=", ">", "^", "~"}]  # fmt: skip
    return max(lowest, default=())


def with_requirement(data: bytes, file: DependencyFile, requirement: str, *, is_known: bool) -> bytes:
    """Return the file with the requirement. Raise NotEditable where it is written in another way."""
    name, spec = package_name(requirement), re.sub(r"^[\w.-]+(?:\[[^\]]*\])?", "", requirement)
    if is_known:
        return _raised(data, file, name, spec)
    if file.kind == "pyproject":
        return append_to_array(data, ["project"], "dependencies", requirement)
    if file.kind in {"poetry", "pipenv"}:
        table = "tool.poetry.dependencies" if file.kind == "poetry" else "packages"
        line = f'{name} = {{version = "{spec}", extras = ["redis"]}}'
        return _in_table(data, table, line)
    if file.kind in {"requirements", "pip-tools"}:
        return append_lines(data, f"{requirement}\n")
    if file.kind == "setup.cfg":
        return _after_last(data, requirement)
    raise NotEditable(f"{file.path} is a program")


def _raised(data: bytes, file: DependencyFile, name: str, spec: str) -> bytes:
    """Return the file with another version after the name of a package, which must occur once."""
    text = data.decode()
    if file.kind in {"poetry", "pipenv"}:
        pattern = rf'(?im)^({pattern_of(name)}[ \t]*=[ \t]*(?:\{{[^}}\n]*?version[ \t]*=[ \t]*)?)(["\'])[^"\'\n]*\2'
        changed, count = re.subn(pattern, rf"\g<1>\g<2>{spec}\g<2>", text)
    else:
        name_and_extras = rf"[ \t]*[\"']?{pattern_of(name)}(?:\[[^\]\n]*\])?"
        versions = r"[ \t]*[^\"'#;,\n\r\[]*(?:,[ \t]*[<>=!~][^\"'#;,\n\r]*)*"
        pattern = rf"(?im)^({name_and_extras})(?![\w.-]){versions}"
        changed, count = re.subn(pattern, lambda match: _kept(match, spec), text)
    if count != 1:
        raise NotEditable(f"the version of {name} is not on one line")
    return changed.encode()


def pattern_of(name: str) -> str:
    """Return a pattern for the ways in which the name of a package is written."""
    return "[-_.]".join(map(re.escape, name.split("-")))


def _kept(match: re.Match[str], spec: str) -> str:
    """Return the name with its new version, and with the blanks that stood before a comment."""
    blanks = re.search(r"[ \t]*$", match[0])
    return f"{match[1]}{spec}{blanks[0] if blanks else ''}"


def _in_table(data: bytes, table: str, line: str) -> bytes:
    """Return a TOML file with one more line at the end of a table."""
    newline = newline_of(data)
    lines = data.decode().split(newline)
    try:
        start = next(number for number, text in enumerate(lines) if text.strip() == f"[{table}]")
    except StopIteration:
        raise NotEditable(f"it has no table [{table}] on a line of its own") from None
    end = next((number for number in range(start + 1, len(lines)) if lines[number].startswith("[")), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    return newline.join([*lines[:end], line, *lines[end:]]).encode()


def _after_last(data: bytes, requirement: str) -> bytes:
    """Return a setup.cfg with one more line in install_requires."""
    newline = newline_of(data)
    text = data.decode()
    match = re.search(r"^install_requires[ \t]*=[ \t]*((?:\r?\n[ \t]+[^\r\n]+)+)", text, re.M)
    if match is None:
        raise NotEditable("install_requires is not a list with one requirement on each line")
    last = match[1].rpartition("\n")[2]
    indent = last[: len(last) - len(last.lstrip())]
    return (text[: match.end()] + newline + indent + requirement + text[match.end() :]).encode()
