"""Plan changes to files in memory, show them as one diff, and write all of them or none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from djcelery.edits import Edit, edited
from djcelery.safe_files import leaves, write_atomically


class OutsideRoot(OSError):  # noqa: N818
    """A link leads out of the folder that the plan is for."""


class Plan:
    """The contents that files below a folder will have; None stands for a file that is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, bytes | None] = {}
        self.after: dict[str, bytes | None] = {}

    def read(self, path: str) -> bytes:
        """Return a file as planned so far; raise OSError if it cannot be read or is outside of the folder."""
        if path not in self.after:
            self._refuse_outside(path)
            self.before[path] = self.after[path] = (self.root / path).read_bytes()
        data = self.after[path]
        if data is None:
            raise FileNotFoundError(f"{path} is not there")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Plan new contents for a file."""
        self.read(path)
        self.after[path] = data

    def create(self, path: str, data: bytes) -> None:
        """Plan a new file; raise FileExistsError if there is one."""
        self._refuse_outside(path)
        if (self.root / path).exists():
            raise FileExistsError(f"{path} exists already")
        self.before[path], self.after[path] = None, data

    def delete(self, path: str) -> None:
        """Plan to remove a file, and with it the folders that it leaves empty."""
        self.read(path)
        self.after[path] = None

    def edit(self, path: str, edits: Iterable[Edit]) -> bytes:
        """Return the contents after the edits, without planning them."""
        return edited(self.read(path), edits)

    @property
    def changed(self) -> list[str]:
        """Return the paths of the files that differ from the disk."""
        return sorted(path for path, data in self.after.items() if data != self.before[path])

    def diff(self, paths: Iterable[str] | None = None) -> str:
        """Return the changes, or those of some files, as one unified diff."""
        return "".join(self._diff(path) for path in (self.changed if paths is None else paths))

    def _diff(self, path: str) -> str:
        before, after = self.before[path], self.after[path]
        old = (before or b"").decode("utf-8", "replace").splitlines(keepends=True)
        new = (after or b"").decode("utf-8", "replace").splitlines(keepends=True)
        names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(old, new, *names)
        )

    def apply(self) -> list[str]:
        """Write what changed, each file in one step, and return the paths. After a failure all is as before."""
        changed = self.changed
        tried = []
        try:
            for path in changed:
                tried.append(path)
                self._put(path, self.after[path])
        except BaseException:
            for path in reversed(tried):
                self._put(path, self.before[path])
            raise
        return changed

    def _refuse_outside(self, path: str) -> None:
        if leaves(str(self.root), str(self.root / path)):
            raise OutsideRoot(f"{path} leads out of {self.root}")

    def _put(self, path: str, data: bytes | None) -> None:
        file = self.root / path
        if data is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace(file, data)
            return
        file.unlink(missing_ok=True)
        for folder in file.relative_to(self.root).parents:
            if folder.name and (self.root / folder).is_dir() and not any((self.root / folder).iterdir()):
                (self.root / folder).rmdir()


def replace(path: Path, data: bytes) -> None:
    """Put new contents in place of old ones at once, keeping the mode; a link keeps pointing where it did."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o7777 if target.exists() else None
    write_atomically(str(target), data, mode)
