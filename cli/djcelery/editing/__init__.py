"""Change single places of a source text and leave every other byte as it is."""

from __future__ import annotations


class NotEditable(Exception):  # noqa: N818 it names a state of a file
    """Say why a place cannot be edited safely. `line` counts from 1; 0 stands for the whole file."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
