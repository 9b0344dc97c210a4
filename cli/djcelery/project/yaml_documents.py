"""Read YAML as plain data with a bound on its size, since an alias can stand for any amount of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_NODES = 50_000  # of a document, with each alias counted as what it stands for
MAX_DEPTH = 40  # what is nested deeper is None
WHOLE_NUMBER = re.compile(r"[-+]?\d{1,15}")
TAG = "tag:yaml.org,2002:"
YamlMapping = dict[str, Any]


class TooLarge(ValueError):  # noqa: N818 it names a state of a file
    """Say that a document holds more values than any that people write."""


def documents(text: str) -> list[YamlMapping]:
    """Return the mappings of a YAML file; none where it cannot be read, as a template often cannot.

    Raise TooLarge for one that its aliases blow up.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    mappings = []
    try:
        while loader.check_node():
            data = plain(loader.get_node())
            if isinstance(data, dict):
                mappings.append(data)
    except TooLarge:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return []
    finally:
        loader.dispose()
    return mappings


def plain(node: Any) -> Any:
    """Return a node as dicts, lists, strings, whole numbers, booleans and None."""
    return _Plain().value(node, 0)


class _Plain:
    """Turn one document into plain data, and count its nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def value(self, node: Any, depth: int) -> Any:
        """Return a node as plain data."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise TooLarge(f"more than {MAX_NODES} values once its aliases are read")
        if depth > MAX_DEPTH:
            return None
        if node.id == "scalar":
            return scalar(node)
        if node.id == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        return dict(self.pairs(node, depth))

    def pairs(self, node: Any, depth: int) -> Iterator[tuple[str, Any]]:
        """Yield the keys of a mapping with their values; those that it merges (`<<`) come first, its own replace them.

        A key that is not plain text is left out.
        """
        merged = [value for key, value in node.value if key.tag == f"{TAG}merge"]
        for source in merged:
            for mapping in reversed(source.value if source.id == "sequence" else [source]):
                if mapping.id == "mapping":
                    yield from (self.value(mapping, depth + 1) or {}).items()
        for key, value in node.value:
            if key.id == "scalar" and key.tag != f"{TAG}merge":
                yield key.value, self.value(value, depth + 1)


def scalar(node: Any) -> str | int | bool | None:
    """Return a scalar: what YAML reads as a whole number, a boolean or null as that, and all else as text."""
    if node.tag == f"{TAG}null":
        return None
    if node.tag == f"{TAG}bool":
        return str(node.value).lower() in {"yes", "true", "on"}
    if node.tag == f"{TAG}int" and WHOLE_NUMBER.fullmatch(node.value):
        return int(node.value)
    return str(node.value)


def mapping(value: object) -> YamlMapping:
    """Return a value that should be a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return a value that should be a list, or an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a scalar as text, and anything else as an empty one."""
    return str(value) if isinstance(value, str | int) else ""
