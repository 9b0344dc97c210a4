"""Find places in YAML files. What is written there is checked by reading the file again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from djcelery.editing import NotEditable
from djcelery.editing.text import insert_lines

MAX_SIZE = 500_000  # bytes of a file that is edited


def read_documents(data: bytes) -> list[Any]:
    """Return the documents of a YAML file as plain data. Raise NotEditable if it cannot be read."""
    import yaml

    try:
        return list(yaml.load_all(_text(data), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise NotEditable(f"it is not valid YAML: {' '.join(str(error).split())}") from None


def last_line_of(data: bytes, path: Sequence[str], is_wanted: Callable[[str], bool]) -> tuple[int, int]:
    """Return the last line of the last wanted entry of a mapping in the first document, and the column of its key.

    `path` leads to the mapping. The line counts from 1, the column from 0. Raise NotEditable if there is none.
    """
    import yaml

    try:
        node = next(yaml.compose_all(_text(data), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), None)
    except yaml.YAMLError as error:
        raise NotEditable(f"it is not valid YAML: {' '.join(str(error).split())}") from None
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == name), None)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise NotEditable(f"it has no block {'.'.join(path)}")
    wanted = [(key, value) for key, value in node.value if is_wanted(str(key.value))]
    if not wanted:
        raise NotEditable(f"{'.'.join(path)} has no entry like the new one", node.start_mark.line + 1)
    key, value = wanted[-1]
    return _last_line(value), key.start_mark.column


@dataclass(frozen=True, slots=True)
class Place:
    """Say where the text of a scalar begins: after its quote or the header of its block. Both count from 0."""

    line: int
    column: int


def scalar_of(data: bytes, name: str, *, of_key: bool = False) -> Place:
    """Return where the value of a key at the top of the first document begins, or with `of_key` the key itself.

    Raise NotEditable if there is no such key, or its value is not a text that is written there.
    """
    import yaml

    text = _text(data)
    node = next(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), None)
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise NotEditable("it is not a block of keys")
    key, value = next(((key, value) for key, value in node.value if key.value == name), (None, None))
    if key is None or value is None:
        raise NotEditable(f"it has no {name}")
    if of_key:
        return Place(key.start_mark.line, key.start_mark.column)
    line, column = value.start_mark.line, value.start_mark.column
    if not isinstance(value, yaml.ScalarNode) or line < key.start_mark.line:
        raise NotEditable(f"{name} is not a text", key.start_mark.line + 1)
    if value.style in {"|", ">"}:
        lines = text.split("\n")
        line = next((number for number in range(line + 1, len(lines)) if lines[number].strip()), line)
        column = len(lines[line]) - len(lines[line].lstrip())
    return Place(line, column + (value.style in {"'", '"'}))


def replace_checked(data: bytes, place: Place, old: str, new: str, expected: Sequence[Any]) -> bytes:
    """Return a YAML file with another text at a place. Raise NotEditable unless it then means `expected`."""
    lines = _text(data).split("\n")
    line = lines[place.line]
    if not line.startswith(old, place.column):
        raise NotEditable("the text is written in another way", place.line + 1)
    lines[place.line] = line[: place.column] + new + line[place.column + len(old) :]
    changed = "\n".join(lines).encode()
    if read_documents(changed) != list(expected):
        raise NotEditable("the new text would mean something else there", place.line + 1)
    return changed


def insert_checked(data: bytes, line: int, text: str, expected: Sequence[Any]) -> bytes:
    """Return a YAML file with lines below one of its lines. Raise NotEditable unless it then means `expected`."""
    changed = insert_lines(data, line, text)
    if read_documents(changed) != list(expected):
        raise NotEditable("the new lines would mean something else there", line)
    return changed


def _last_line(node: Any) -> int:
    """Return the number of the last line with a value in it. A block ends where the next one begins, so look inside."""
    if node.id == "scalar" or node.flow_style:
        return int(node.end_mark.line) + (1 if node.end_mark.column else 0)
    if not node.value:
        return int(node.end_mark.line) + 1
    last = node.value[-1]
    return _last_line(last[1] if node.id == "mapping" else last)


def _text(data: bytes) -> str:
    if len(data) > MAX_SIZE:
        raise NotEditable("it is too large")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotEditable("it is not UTF-8") from None
