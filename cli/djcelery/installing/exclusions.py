"""Leave the vendored library out of the linters, formatters, type checkers and coverage that a project configures."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from djcelery.editing import NotEditable
from djcelery.editing.ini import append_to_option, read_ini
from djcelery.editing.text import append_lines, insert_lines
from djcelery.editing.toml import append_to_array
from djcelery.plan import Plan
from djcelery.project.installation import LIBRARY

REASON = f"leaves {LIBRARY}/ out of {{tool}}"
COVERED = f"*/{LIBRARY}/*"
# The tables of TOML files: where a tool's begins, the arrays that name what is left out (the first is added where a
# project has none), and the value.
TOML_TOOLS = {
    "ruff": (("tool", "ruff"), ("extend-exclude", "exclude"), LIBRARY),
    "isort": (("tool", "isort"), ("extend_skip", "skip"), LIBRARY),
    "coverage": (("tool", "coverage", "run"), ("omit",), COVERED),
    "pyright": (("tool", "pyright"), ("ignore",), LIBRARY),
}
BY_PATH = frozenset({"pyright"})  # the others leave out a folder of this name wherever it is
INI_TOOLS = {
    "flake8": ("flake8", ("extend-exclude", "exclude"), LIBRARY),
    "isort": ("isort", ("extend_skip", "skip"), LIBRARY),
    "isort of .isort.cfg": ("settings", ("extend_skip", "skip"), LIBRARY),
    "coverage": ("coverage:run", ("omit",), COVERED),
    "coverage of .coveragerc": ("run", ("omit",), COVERED),
}
INI_FILES = {
    "setup.cfg": ("flake8", "isort", "coverage"),
    "tox.ini": ("flake8", "isort", "coverage"),
    ".flake8": ("flake8",),
    ".isort.cfg": ("isort of .isort.cfg",),
    ".coveragerc": ("coverage of .coveragerc",),
}
MYPY_TABLE = f'\n[[tool.mypy.overrides]]\nmodule = "{LIBRARY}.*"\nignore_errors = true\n'
MYPY_SECTION = f"\n[mypy-{LIBRARY}.*]\nignore_errors = True\n"


def leave_library_out(plan: Plan, folder: str, home: str) -> list[str]:
    """Plan to name the library in the configuration of each tool in the root and in the folder of manage.py.

    `home` is the folder that the library is in. Return a sentence for each tool whose configuration cannot be edited.
    """
    notes = []
    library = f"{home}/{LIBRARY}" if home else LIBRARY
    for prefix in dict.fromkeys(("", f"{folder}/" if folder else "")):
        for path, tool, change in _changes(plan, prefix, library.removeprefix(prefix)):
            try:
                data = plan.read(path)
                changed = change(data)
            except NotEditable as error:
                notes.append(f"Leave {LIBRARY}/ out of {tool} in {path} yourself: {error.reason}.")
                continue
            if changed != data:
                plan.write(path, changed, REASON.format(tool=tool))
    return notes


Change = Callable[[bytes], bytes]


def _changes(plan: Plan, prefix: str, library: str) -> Iterator[tuple[str, str, Change]]:
    """Yield each file with a tool that it configures, and the change of its contents.

    `library` is the path of the library from the folder of the files.
    """
    for name, shift in (("pyproject.toml", 0), ("ruff.toml", 2), (".ruff.toml", 2)):
        path = prefix + name
        if not plan.exists(path):
            continue
        for tool, (table, keys, value) in TOML_TOOLS.items():
            if shift == 0 or tool == "ruff":
                place = library if tool in BY_PATH else value
                yield path, tool, partial(_in_toml, table=table[shift:], keys=keys, value=place)
        if shift == 0:
            yield path, "black", _in_black
            yield path, "mypy", _in_mypy_table
    for name, tools in INI_FILES.items():
        for tool in tools:
            section, keys, value = INI_TOOLS[tool]
            if plan.exists(prefix + name):
                change = partial(_in_ini, section=section, keys=keys, value=value)
                yield prefix + name, tool.split()[0], change
    for name in ("setup.cfg", "mypy.ini", ".mypy.ini"):
        if plan.exists(prefix + name):
            yield prefix + name, "mypy", _in_mypy_section


def _tables(data: bytes, path: tuple[str, ...]) -> Any:
    try:
        values: Any = tomllib.loads(data.decode("utf-8"))
    except ValueError:
        raise NotEditable("it is not valid TOML") from None
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _in_toml(data: bytes, table: tuple[str, ...], keys: tuple[str, ...], value: str) -> bytes:
    values = _tables(data, table)
    if values is None or any(value in (values.get(key) or ()) for key in keys):
        return data
    for key in keys:
        if key in values:
            return append_to_array(data, table, key, value)
    return _below_header(data, table, f"{keys[0]} = [{json.dumps(value)}]\n", {keys[0]: [value]})


def _below_header(data: bytes, table: tuple[str, ...], line: str, added: dict[str, Any]) -> bytes:
    """Return a TOML file with a line below the header of a table, or at the top where the file is the table."""
    header = re.compile(rb"[ \t]*\[[ \t]*" + re.escape(".".join(table)).encode() + rb"[ \t]*\]")
    lines = data.split(b"\n")
    number = next((n for n, text in enumerate(lines, 1) if header.match(text)), 0) if table else 0
    if table and not number:  # the table is only there through one below it, such as [tool.ruff.lint]
        below = re.compile(rb"[ \t]*\[[ \t]*" + re.escape(".".join(table)).encode() + rb"\.")
        number = next((n for n, text in enumerate(lines) if below.match(text)), -1)
        if number < 0:
            raise NotEditable(f"it has no section [{'.'.join(table)}]")
        line = f"[{'.'.join(table)}]\n{line}\n"
    changed = insert_lines(data, number, line)
    if _tables(changed, table) != {**_tables(data, table), **added}:
        raise NotEditable(f"[{'.'.join(table)}] is written in a way that is not understood")
    return changed


def _in_black(data: bytes) -> bytes:
    values = _tables(data, ("tool", "black"))
    if values is None or LIBRARY in str(values):
        return data
    if "extend-exclude" in values or "force-exclude" in values:
        raise NotEditable("it has a pattern of its own")
    return _below_header(data, ("tool", "black"), f'extend-exclude = "{LIBRARY}/"\n', {"extend-exclude": f"{LIBRARY}/"})


def _in_mypy_table(data: bytes) -> bytes:
    values = _tables(data, ("tool", "mypy"))
    if values is None or f'"{LIBRARY}.*"'.encode() in data:
        return data
    changed = append_lines(data, MYPY_TABLE)
    if len((_tables(changed, ("tool", "mypy")) or {}).get("overrides", ())) != len(values.get("overrides", ())) + 1:
        raise NotEditable("its overrides are written in another way")
    return changed


def _in_ini(data: bytes, section: str, keys: tuple[str, ...], value: str) -> bytes:
    options = read_ini(data).get(section)
    if options is None or any(value in options.get(key, "") for key in keys):
        return data
    key = next((key for key in keys if key in options), keys[0])
    return append_to_option(data, section, key, value)


def _in_mypy_section(data: bytes) -> bytes:
    sections = read_ini(data)
    if "mypy" not in sections or f"mypy-{LIBRARY}.*" in sections:
        return data
    return append_lines(data, MYPY_SECTION)
