"""Find places in YAML files. What is written there is checked by reading the file again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
