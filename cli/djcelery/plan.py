"""Plan changes to files in memory, show them as one diff, and write all of them or none."""

from __future__ import annotations

import difflib
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from djcelery.edits import Edit, edited
from djcelery.safe_files import leaves, write_atomically
from djcelery.wording import counted


class OutsideRoot(OSError):  # noqa: N818
    """Say that a link leads out of the folder that the plan is for."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Describe a change that somebody has to make by hand: what to write, where, and why the command did not."""

    path: str
    line: int
    text: str
    reason: str
    is_required: bool = False  # without it the rest of the plan would be half a change, so nothing is written


class Plan:
    """Hold the contents that files below a folder will have; None means that the file does not exist.

    `reasons` holds one line of explanation for each changed file, `snippets` what is left to do by hand.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: dict[str, bytes | None] = {}
        self.after: dict[str, bytes | None] = {}
        self.reasons: dict[str, str] = {}
        self.modes: dict[str, int] = {}  # that differ from a new file's usual one, or from what a file has
        self.folded: list[str] = []  # folders whose files are counted in the description and not shown, and such files
        self.snippets: list[Snippet] = []
        self.facts: dict[str, Any] = {}  # what the plan was made from, for programs

    @property
    def is_whole(self) -> bool:
        """Return whether the planned changes make sense without the snippets."""
        return not any(snippet.is_required for snippet in self.snippets)

    def exists(self, path: str) -> bool:
        """Return whether a file is there as planned so far. What is outside of the folder is not there."""
        if path in self.after:
            return self.after[path] is not None
        return (self.root / path).is_file() and not leaves(str(self.root), str(self.root / path))

    def read(self, path: str) -> bytes:
        """Return a file as planned so far; raise OSError if it cannot be read or is outside of the folder."""
        if path not in self.after:
            self._refuse_outside(path)
            self.before[path] = self.after[path] = (self.root / path).read_bytes()
        data = self.after[path]
        if data is None:
            raise FileNotFoundError(f"{path} is not there")
        return data

    def write(self, path: str, data: bytes, reason: str = "") -> None:
        """Plan new contents for a file."""
        self.read(path)
        self.after[path] = data
        self._explain(path, reason)

    def create(self, path: str, data: bytes, reason: str = "") -> None:
        """Plan a new file; raise FileExistsError if there is one."""
        self._refuse_outside(path)
        if self.exists(path) or (path not in self.after and (self.root / path).exists()):
            raise FileExistsError(f"{path} exists already")
        self.before.setdefault(path, None)
        self.after[path] = data
        self._explain(path, reason)

    def delete(self, path: str, reason: str = "") -> None:
        """Plan to remove a file, and with it the folders that it leaves empty. Raise OSError for a symbolic link."""
        self.read(path)
        if (self.root / path).is_symlink():
            raise OutsideRoot(f"{path} is a symbolic link")
        self.after[path] = None
        self._explain(path, reason)

    def _explain(self, path: str, reason: str) -> None:
        """Add to a file's line of explanation what it does not say yet."""
        known = self.reasons.get(path, "")
        if reason and reason not in known.split("; "):
            self.reasons[path] = f"{known}; {reason}" if known else reason

    def edit(self, path: str, edits: Iterable[Edit]) -> bytes:
        """Return the contents after the edits, without planning them."""
        return edited(self.read(path), edits)

    @property
    def changed(self) -> list[str]:
        """Return the paths of the files that differ from the disk."""
        return sorted(path for path, data in self.after.items() if data != self.before[path] or self._has_mode(path))

    def _has_mode(self, path: str) -> bool:
        """Return whether a file that is there gets another mode."""
        if path not in self.modes or self.before[path] is None or self.after[path] is None:
            return False
        return (self.root / path).stat().st_mode & 0o7777 != self.modes[path]

    def describe(self) -> str:
        """Return the diff of all changes, with a line of explanation above each file's, which `patch` skips."""
        shown = [path for path in self.changed if not self._folder_of(path)]
        texts = [
            f"{path}: {self.reasons.get(path, 'changed')}\n{'' if path in self.folded else self._diff(path)}"
            for path in shown
        ]
        for folder in self.folded:
            paths = [path for path in self.changed if self._folder_of(path) == folder]
            verbs = Counter("removed" if self.after[p] is None else "added" if self.before[p] is None else "changed"
                            for p in paths)  # fmt: skip
            texts += [f"{folder}/: {counted(count, 'file')} {verb}\n" for verb, count in verbs.items()]
        return "".join(texts)

    def _folder_of(self, path: str) -> str:
        """Return the folded folder that holds a file, or an empty string."""
        return next((folder for folder in self.folded if path.startswith(f"{folder}/")), "")

    def diff(self, paths: Iterable[str] | None = None) -> str:
        """Return the changes, or those of some files, as one unified diff."""
        return "".join(self._diff(path) for path in (self.changed if paths is None else paths))

    def _diff(self, path: str) -> str:
        before, after = self.before[path], self.after[path]
        old, new = (_lines(data or b"") for data in (before, after))
        head = ""  # in git's form, since that is how a patch can hold an empty file
        if before is None or after is None:
            head = f"diff --git a/{path} b/{path}\n{'new' if before is None else 'deleted'} file mode 100644\n"
        names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
        return head + "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(old, new, *names)
        )

    def apply(self) -> list[str]:
        """Write what changed, each file in one step, and return the paths. After a failure all is as before.

        A kill can leave some of the files written; `journal.Journal.apply` guards against that, too.
        """
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
        remove_empty_folders(self.root, path)


def replace(path: Path, data: bytes) -> None:
    """Put new contents in place of old ones at once, keeping the mode; a link keeps pointing where it did."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o7777 if target.exists() else None
    write_atomically(str(target), data, mode)


def _lines(data: bytes) -> list[str]:
    """Return the lines of a text with their line ends; a form feed, for example, ends none."""
    return re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8", "replace"))


def remove_empty_folders(root: Path, path: str) -> None:
    """Remove the folders between the root and a path that hold nothing, or nothing but Python's caches."""
    for name in Path(path).parents:
        folder = root / name
        if not name.name or not folder.is_dir():
            continue
        entries = list(folder.iterdir())
        if any(entry.name != "__pycache__" for entry in entries):
            return
        for entry in entries:
            shutil.rmtree(entry, ignore_errors=True)
        folder.rmdir()
