"""Add items to arrays of TOML files. Every change is checked by reading the file again."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from djcelery.editing import NotEditable
from djcelery.editing.text import newline_of

# A string, a comment, or one character.
TOKEN = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|.', re.S)
HEADER = re.compile(r"^[ \t]*\[{1,2}[^\]\n]+\]{1,2}", re.M)


def append_to_array(data: bytes, table: Sequence[str], key: str, value: str) -> bytes:
    """Return a TOML file with a string after the last item of an array, in the style of its items.

    `table` is the path of the table that holds the array under `key`. Raise NotEditable if the array is not written
    out there, or the result would not be exactly the file's data with the new item.
    """
    text = data.decode("utf-8")
    expected = tomllib.loads(text)
    array = _lookup(expected, [*table, key])
    if not isinstance(array, list):
        raise NotEditable(f"it has no array {'.'.join([*table, key])}")
    after = copy.deepcopy(expected)
    _lookup(after, [*table, key]).append(value)
    start = _find_array(text, table, key)
    changed = _with_item(text, start, value, newline_of(data)).encode()
    if not _reads_as(changed.decode(), after):
        raise NotEditable(f"the array {'.'.join([*table, key])} is written in a way that is not understood")
    return changed


def remove_from_array(data: bytes, table: Sequence[str], key: str, value: str) -> bytes:
    """Return a TOML file without a string in an array: the inverse of `append_to_array`.

    Raise NotEditable if the array is not written out there, or has the string on a line with something else.
    """
    text = data.decode("utf-8")
    expected = tomllib.loads(text)
    array = _lookup(expected, [*table, key])
    if not isinstance(array, list) or value not in array:
        raise NotEditable(f"it has no {value} in {'.'.join([*table, key])}")
    array.remove(value)
    start = _find_array(text, table, key)
    close = _scan(text, start)[0]
    quoted = rf"(?:\"{re.escape(value)}\"|'{re.escape(value)}')"
    # A line of its own; with the comma before it where it is the last without one; or on the line of others.
    for pattern in (rf"^[ \t]*{quoted},[ \t]*\r?\n", rf",(?P<kept>[^\n]*\n)[ \t]*{quoted}[ \t]*\r?\n", rf", {quoted}",
                    rf"{quoted}"):  # fmt: skip
        match = re.compile(pattern, re.M).search(text, start, close)
        if match:
            changed = text[: match.start()] + (match.groupdict().get("kept") or "") + text[match.end() :]
            if _reads_as(changed, expected):
                return changed.encode()
    raise NotEditable(f"{value} cannot be removed on its own")


def _reads_as(text: str, expected: Any) -> bool:
    try:
        return bool(tomllib.loads(text) == expected)
    except tomllib.TOMLDecodeError:
        return False


def _lookup(values: Any, path: Sequence[str]) -> Any:
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _find_array(text: str, table: Sequence[str], key: str) -> int:
    """Return where the array of a key in a table opens. Raise NotEditable if no such line is there."""
    section = re.compile(r"^[ \t]*\[[ \t]*" + r"[ \t]*\.[ \t]*".join(_name(part) for part in table) + r"[ \t]*\]", re.M)
    header = section.search(text) if table else None
    if table and not header:
        raise NotEditable(f"it has no section [{'.'.join(table)}]")
    begin = header.end() if header else 0
    following = HEADER.search(text, begin)
    opened = re.compile(rf"^[ \t]*{_name(key)}[ \t]*=[ \t]*\[", re.M).search(
        text, begin, following.start() if following else len(text)
    )
    if not opened:
        raise NotEditable(f"it has no array {key} in [{'.'.join(table)}]")
    return opened.end() - 1


def _name(part: str) -> str:
    escaped = re.escape(part)
    return f"(?:{escaped}|\"{escaped}\"|'{escaped}')"


def _with_item(text: str, start: int, value: str, newline: str) -> str:
    """Return the text with an item in the array that opens at `start`."""
    close, item_start, item_end, comma = _scan(text, start)
    quoted = json.dumps(value, ensure_ascii=False)
    if item_end < 0:
        return text[: start + 1] + quoted + text[start + 1 :]
    if text[item_start] == "'" and "'" not in value:
        quoted = f"'{value}'"
    line_start = text.rfind("\n", 0, item_start) + 1
    if text[line_start:item_start].strip():  # the last item shares its line
        return text[:item_end] + f", {quoted}" + text[item_end:]
    indent = text[line_start:item_start]
    line_end = text.find("\n", max(item_end, comma))
    if comma >= 0:
        place = close if line_end < 0 or line_end > close else line_end + 1
        return text[:place] + f"{indent}{quoted},{newline}" + text[place:]
    if line_end < 0 or line_end > close:
        return text[:item_end] + f",{newline}{indent}{quoted}" + text[item_end:]
    remainder = text[item_end : line_end + 1]
    return text[:item_end] + "," + remainder + f"{indent}{quoted}{newline}" + text[line_end + 1 :]


def _scan(text: str, start: int) -> tuple[int, int, int, int]:
    """Return where an array closes, where its last item begins and ends, and the comma after it; -1 for none."""
    depth, item_start, item_end, comma = 0, -1, -1, -1
    new_item = True
    for match in TOKEN.finditer(text, start):
        word = match[0]
        if word in "[{":
            depth += 1
            if depth == 1:
                continue
        elif word in "]}":
            depth -= 1
            if depth == 0:
                return match.start(), item_start, item_end, comma
        elif word.isspace() or word.startswith("#"):
            continue
        elif word == "," and depth == 1:
            comma, new_item = match.start(), True
            continue
        if new_item:
            item_start, comma, new_item = match.start(), -1, False
        item_end = match.end()
    raise NotEditable("an array is not closed")
