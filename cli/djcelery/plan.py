"""Edits held in memory: read, write, diff, apply. Nothing touches the disk before `apply`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from djcelery.edits import Edit, edited
from djcelery.safe_files import leaves, write_atomically


class OutsideRoot(OSError):  # noqa: N818
    """A link leads out of the folder that the plan is for."""


class Plan:
    """The contents that files below a folder will have."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, bytes] = {}
        self.after: dict[str, bytes] = {}

    def read(self, path: str) -> bytes:
        """Return a file as planned so far; raise OSError if it cannot be read or is outside of the folder."""
        if path not in self.after:
            if leaves(str(self.root), str(self.root / path)):
                raise OutsideRoot(f"{path} leads out of {self.root}")
            self.before[path] = self.after[path] = (self.root / path).read_bytes()
        return self.after[path]

    def write(self, path: str, data: bytes) -> None:
        """Plan new contents."""
        self.read(path)
        self.after[path] = data

    def edit(self, path: str, edits: Iterable[Edit]) -> bytes:
        """Return the contents after the edits, without planning them."""
        return edited(self.read(path), edits)

    @property
    def changed(self) -> list[str]:
        """Return the paths of the files that differ from the disk."""
        return sorted(path for path, data in self.after.items() if data != self.before[path])

    def diff(self) -> str:
        """Return all changes as one unified diff."""
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
        """Write what changed, each file in one step, and return the paths."""
        for path in self.changed:
            replace(self.root / path, self.after[path])
        return self.changed


def replace(path: Path, data: bytes) -> None:
    """Put new contents in place of old ones at once, keeping the mode; a link keeps pointing where it did."""
    target = path.resolve()
    write_atomically(str(target), data, target.stat().st_mode & 0o7777)
