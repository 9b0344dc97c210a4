"""Which files a code base has: one walk over folders, symlink loops and unreadable folders included."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable
from typing import NamedTuple

SKIPPED = frozenset(
    "__pycache__ node_modules bower_components site-packages dist-packages venv env virtualenv build dist".split()
)
YAML = (".yml", ".yaml")
NOQA = b"noqa: DJC"
WORDS = (b"elery", b"ELERY", b".delay", b"apply_async", b"send_task", b"shared_task", b"BROKER_URL", b"on_commit(")
MORE_WORDS = (b"DJANGO_SETTINGS_MODULE", b"ATOMIC_REQUESTS", NOQA)
APPLIED = (b".apply(args", b".apply(kwargs", b".apply((")
INSTALLED = re.compile(rb"^[ \t]*INSTALLED_APPS\s*(?::[^=\n]*)?\+?=", re.M)


class Entry(NamedTuple):
    """A file: where it is, and what tells cheaply whether it changed."""

    path: str  # relative to the root, with forward slashes
    size: int
    mtime: int


class Tree:
    """The files below a folder, on disk or in memory."""

    def __init__(self, root: str = "", texts: dict[str, str | bytes] | None = None) -> None:
        self.root = root
        self.texts = None if texts is None else {path: as_bytes(text) for path, text in texts.items()}
        self.entries: list[Entry] = []
        self.layout: object = None  # kept here by the project, for all who work on this tree
        self.troubles: list[tuple[str, str]] = []

    def scan(self, exclude: Iterable[str] = ()) -> list[Entry]:
        """Find every file that may matter."""
        self.layout = None
        if self.texts is not None:
            self.entries = [Entry(path, len(text), 0) for path, text in sorted(self.texts.items())]
            return self.entries
        self.patterns = tuple(exclude)
        self.entries = []
        seen: set[tuple[int, int]] = set()
        folders = [("", self.root)]
        while folders:
            prefix, folder = folders.pop()
            folders += self.scan_folder(prefix, folder, seen)
        self.entries.sort(key=lambda entry: entry.path)
        return self.entries

    def scan_folder(self, prefix: str, folder: str, seen: set[tuple[int, int]]) -> list[tuple[str, str]]:
        inner = []
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            self.troubles.append((prefix.rstrip("/") or ".", f"cannot be listed: {error.strerror}"))
            return []
        if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
            return []
        for entry in entries:
            name, path = entry.name, prefix + entry.name
            if name.startswith(".") or "{{" in name or self.excluded(path):
                continue
            try:
                if entry.is_dir():
                    if name not in SKIPPED and not name.endswith(".egg-info") and self.fresh(entry, seen):
                        inner.append((path + "/", entry.path))
                elif wanted(name):
                    state = entry.stat()
                    self.entries.append(Entry(path, state.st_size, state.st_mtime_ns))
            except OSError as error:
                if wanted(name):
                    self.troubles.append((path, f"cannot be read: {error.strerror}"))
        return inner

    @staticmethod
    def fresh(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> bool:
        """Whether this folder was not entered before under another name."""
        if not entry.is_symlink():
            return True
        state = entry.stat()
        key = (state.st_dev, state.st_ino)
        inside = os.path.realpath(entry.path)
        if key in seen or os.path.abspath(entry.path).startswith(inside + os.sep):
            return False
        seen.add(key)
        return True

    def excluded(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, pattern) or path == pattern.rstrip("/") for pattern in self.patterns)

    def read(self, path: str) -> bytes:
        """The bytes of a file; raises OSError."""
        if self.texts is not None:
            if path not in self.texts:
                raise FileNotFoundError(path)
            return self.texts[path]
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def wanted(name: str) -> bool:
    """Whether the name of a file says that it may matter."""
    return name.endswith((".py", *YAML, ".service", ".sh", ".conf")) or name.startswith(("Procfile", "Dockerfile"))


def promising(path: str, data: bytes) -> bool:
    """The prefilter: whether a Python file can hold anything about Celery, or settings."""
    if b"\0" in data[:1000]:
        return True
    if any(word in data for word in WORDS) or any(word in data for word in MORE_WORDS) or installs(data):
        return True
    if b".apply(" in data and any(word in data for word in APPLIED):
        return True
    return "task" in path.rpartition("/")[2] or "/tasks/" in path


def promising_test(path: str, data: bytes) -> bool:
    """The prefilter of tests: whether it is a file of settings, or has a comment for the check."""
    return NOQA in data or installs(data) or ("settings" in path and promising(path, data))


def installs(data: bytes) -> bool:
    """Whether a text assigns INSTALLED_APPS; most that name it only ask."""
    return b"INSTALLED_APPS" in data and INSTALLED.search(data) is not None
