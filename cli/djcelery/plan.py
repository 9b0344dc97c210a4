"""Edits held in memory: read, write, diff, apply. Nothing touches the disk before `apply`."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from djcelery.edits import Edit, edited


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
        return edited(self.read(path), edits)

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
