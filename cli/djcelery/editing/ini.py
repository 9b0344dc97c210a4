"""Add a value to an option of an INI file, such as setup.cfg. Every change is checked by reading the file again."""

from __future__ import annotations

import configparser
import re

from djcelery.editing import NotEditable
from djcelery.editing.text import insert_lines, keep_lines


def read_ini(data: bytes) -> dict[str, dict[str, str]]:
    """Return the options of each section. Raise NotEditable if the file cannot be read."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(data.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise NotEditable(f"it cannot be read: {' '.join(str(error).split())}") from None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def append_to_option(data: bytes, section: str, option: str, value: str) -> bytes:
    """Return an INI file with a value behind those of an option; an option that is not there is added.

    Raise NotEditable unless the result has exactly this difference.
    """
    before = read_ini(data)
    if section not in before:
        raise NotEditable(f"it has no section [{section}]")
    lines = [line.decode("utf-8") for line in keep_lines(data)]
    header = _find(lines, rf"\[{re.escape(section)}\]", 0, f"[{section}]")
    if option not in before[section]:
        indent = _indent(next((line for line in lines[header + 1 :] if _is_value(line)), ""))
        changed = insert_lines(data, header + 1, f"{indent}{option} = {value}\n")
    else:
        first = _find(lines, rf"[ \t]*{re.escape(option)}\s*[=:]", header + 1, f"{option} =")
        last = _last_of_value(lines, first)
        if last == first:
            text = lines[first].rstrip()
            separator = "" if text[-1] in "=:," else ","
            changed = "".join(
                [*lines[:first], text + separator + value + lines[first][len(text) :], *lines[first + 1 :]]
            ).encode()
        else:
            changed = insert_lines(data, last + 1, f"{_indent(lines[last])}{value}\n")
    if not _differs_only_in(before, read_ini(changed), section, option, value):
        raise NotEditable(f"{option} in [{section}] is written in a way that is not understood")
    return changed


def _find(lines: list[str], pattern: str, start: int, shown: str) -> int:
    for number in range(start, len(lines)):
        if re.match(pattern, lines[number]):
            return number
    raise NotEditable(f"it has no line that begins with {shown}")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _is_value(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith(("#", ";"))


def _last_of_value(lines: list[str], first: int) -> int:
    """Return the last line of a value: lines that are indented deeper than its option, past comments among them."""
    last, depth = first, len(_indent(lines[first]))
    for number in range(first + 1, len(lines)):
        if _is_value(lines[number]):
            if len(_indent(lines[number])) <= depth:
                break
            last = number
    return last


def _differs_only_in(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], section: str, option: str, value: str
) -> bool:
    old, new = _values(before[section].pop(option, "")), _values(after[section].pop(option, ""))
    return before == after and new == [*old, value]


def _values(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]
