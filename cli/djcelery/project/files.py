"""Find the files of a code base, past symlink loops and unreadable folders."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from djcelery.project.layout import Layout

SKIPPED = frozenset(
    "__pycache__ node_modules bower_components site-packages dist-packages venv env virtualenv build dist".split()
)
YAML = (".yml", ".yaml")
NOQA = b"noqa: DJC"
WORDS = (b"elery", b"ELERY", b".delay", b"apply_async", b"send_task", b"shared_task", b"BROKER_URL", b"on_commit(")
MORE_WORDS = (b"DJANGO_SETTINGS_MODULE", b"ATOMIC_REQUESTS", NOQA)
APPLY_CALLS = (b".apply(args", b".apply(kwargs", b".apply((")
TASK_DECORATOR = re.compile(rb"^[ \t]*@[\w.]*\b(?:periodic_)?task\b", re.M)  # @app.task, whatever app is called
INSTALLED_APPS = re.compile(rb"^[ \t]*INSTALLED_APPS\s*(?::[^=\n]*)?\+?=", re.M)


class Entry(NamedTuple):
    """Name a file, and what tells cheaply whether it changed."""

    path: str  # relative to the root, with forward slashes
    size: int
    mtime: int


class Tree:
    """List and read the files below a folder, on disk or in memory."""

    def __init__(self, root: str = "", texts: dict[str, str | bytes] | None = None) -> None:
        self.root = root
        self.texts = None if texts is None else {path: as_bytes(text) for path, text in texts.items()}
        self.entries: list[Entry] = []
        self.read_errors: list[tuple[str, str]] = []  # path and reason
        self.exclude: tuple[str, ...] = ()
        self._layout: Layout | None = None

    def scan(self, exclude: Iterable[str] = ()) -> list[Entry]:
        """Find every file that may matter."""
        self._layout = None
        if self.texts is not None:
            self.entries = [Entry(path, len(text), 0) for path, text in sorted(self.texts.items())]
            return self.entries
        self.exclude = tuple(exclude)
        self.entries = []
        visited: set[tuple[int, int]] = set()
        folders = [("", self.root)]
        while folders:
            prefix, folder = folders.pop()
            folders += self._scan_folder(prefix, folder, visited)
        self.entries.sort(key=lambda entry: entry.path)
        return self.entries

    def _scan_folder(self, prefix: str, folder: str, visited: set[tuple[int, int]]) -> list[tuple[str, str]]:
        """Add the files of one folder and return the folders inside."""
        subfolders = []
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            self.read_errors.append((prefix.rstrip("/") or ".", f"cannot be listed: {error.strerror}"))
            return []
        if prefix and any(entry.name == "pyvenv.cfg" for entry in entries):
            return []
        for entry in entries:
            name, path = entry.name, prefix + entry.name
            if name.startswith(".") or "{{" in name or self._is_excluded(path):
                continue
            try:
                if entry.is_dir():
                    if name not in SKIPPED and not name.endswith(".egg-info") and is_first_visit(entry, visited):
                        subfolders.append((path + "/", entry.path))
                elif may_matter(name):
                    state = entry.stat()
                    self.entries.append(Entry(path, state.st_size, state.st_mtime_ns))
            except OSError as error:
                if may_matter(name):
                    self.read_errors.append((path, f"cannot be read: {error.strerror}"))
        return subfolders

    def _is_excluded(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, pattern) or path == pattern.rstrip("/") for pattern in self.exclude)

    @property
    def layout(self) -> Layout:
        """Return which dotted name each path has."""
        if self._layout is None:
            self._layout = Layout({entry.path for entry in self.entries})
        return self._layout

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, or raise OSError."""
        if self.texts is not None:
            if path not in self.texts:
                raise FileNotFoundError(path)
            return self.texts[path]
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()

    def contents(self, suffixes: tuple[str, ...], max_size: int | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield the path and the bytes of each readable file whose path ends so."""
        for entry in self.entries:
            if entry.path.endswith(suffixes) and (max_size is None or entry.size < max_size):
                try:
                    yield entry.path, self.read(entry.path)
                except OSError:
                    continue

    def python_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the path and the bytes of each Python file, also of those that no fact is known of."""
        return self.contents((".py",))


def is_first_visit(entry: os.DirEntry[str], visited: set[tuple[int, int]]) -> bool:
    """Return whether a folder was not entered before under another name."""
    if not entry.is_symlink():
        return True
    state = entry.stat()
    key = (state.st_dev, state.st_ino)
    target = os.path.realpath(entry.path)
    if key in visited or os.path.abspath(entry.path).startswith(target + os.sep):
        return False
    visited.add(key)
    return True


def as_bytes(text: str | bytes) -> bytes:
    """Return a text as bytes."""
    return text.encode() if isinstance(text, str) else text


def may_matter(name: str) -> bool:
    """Return whether a file with this name may matter."""
    return name.endswith((".py", *YAML, ".service", ".sh", ".conf")) or name.startswith(("Procfile", "Dockerfile"))


def is_promising(path: str, data: bytes) -> bool:
    """Return whether a Python file can have anything to do with Celery or with settings."""
    if b"\0" in data[:1000]:
        return True
    if any(word in data for word in WORDS) or any(word in data for word in MORE_WORDS) or sets_installed_apps(data):
        return True
    if b".apply(" in data and any(call in data for call in APPLY_CALLS):
        return True
    if b"task" in data and TASK_DECORATOR.search(data):
        return True
    return "task" in path.rpartition("/")[2] or "/tasks/" in path or "celery" in path.rpartition("/")[2]


def is_promising_test(path: str, data: bytes) -> bool:
    """Return whether a file of tests is one of settings, or has a comment for the check."""
    return NOQA in data or sets_installed_apps(data) or ("settings" in path and is_promising(path, data))


def sets_installed_apps(data: bytes) -> bool:
    """Return whether a text assigns INSTALLED_APPS; most texts that name it only read it."""
    return b"INSTALLED_APPS" in data and INSTALLED_APPS.search(data) is not None
