"""Edits held in memory: read, write, diff, apply. Nothing touches the disk before `apply`."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes between two places of a file; lines count from 1, columns are bytes from 0."""

    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    text: str


class Plan:
    """What files will look like."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, bytes] = {}
        self.after: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """A file as planned so far."""
        if path not in self.after:
            self.before[path] = self.after[path] = (self.root / path).read_bytes()
        return self.after[path]

    def write(self, path: str, data: bytes) -> None:
        """Plan new contents."""
        self.read(path)
        self.after[path] = data

    def edit(self, path: str, edits: Iterable[Edit]) -> bytes:
        """The contents after the edits; edits that overlap an earlier one are left for the next run."""
        data = self.read(path)
        starts = line_starts(data)
        done = len(data)
        for edit in sorted(set(edits), reverse=True):
            start, end = offset(data, starts, edit.line, edit.col), offset(data, starts, edit.end_line, edit.end_col)
            if end > done or (end == done == start and edit.text == ""):
                continue
            data = data[:start] + edit.text.encode() + data[end:]
            done = start
        return data

    @property
    def changed(self) -> list[str]:
        """The files that differ from the disk."""
        return sorted(path for path, data in self.after.items() if data != self.before[path])

    def diff(self) -> str:
        """All changes as one unified diff."""
        parts = []
        for path in self.changed:
            old = self.before[path].decode("utf-8", "replace").splitlines(keepends=True)
            new = self.after[path].decode("utf-8", "replace").splitlines(keepends=True)
            parts += [
                line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
                for line in difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
            ]
        return "".join(parts)

    def apply(self) -> list[str]:
        """Write what changed, each file in one step; gives back the paths."""
        for path in self.changed:
            replace(self.root / path, self.after[path])
        return self.changed


def replace(path: Path, data: bytes) -> None:
    """Put new contents in place of old ones at once, keeping the mode; a link keeps pointing where it did."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".djcelery-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def line_starts(data: bytes) -> list[int]:
    """Where each line begins."""
    starts, index = [0], 0
    while (index := data.find(b"\n", index) + 1) > 0:
        starts.append(index)
    return starts


def offset(data: bytes, starts: list[int], line: int, col: int) -> int:
    """The byte that a place means; a byte order mark counts for nothing."""
    mark = 3 if line == 1 and data.startswith(b"\xef\xbb\xbf") else 0
    return min(starts[min(line, len(starts)) - 1] + col + mark, len(data))
