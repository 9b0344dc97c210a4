"""Find the files of a code base, past symlink loops and unreadable folders."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from djcelery.errors import CommandError
from djcelery.project.answers import Answers
from djcelery.project.layout import Layout
from djcelery.safe_files import is_below, read_regular_file

SKIPPED = frozenset(
    "__pycache__ node_modules bower_components site-packages dist-packages venv env virtualenv build dist".split()
)
YAML = (".yml", ".yaml")
MAX_FILES = 200_000  # below a root
UNSAVED = -1  # in place of the time of the last change: no cache knows it
MAX_LINKED = 10_000  # files that are known under a second path
# Only versions are read from these, so no finding is ever in one.
VERSIONS = (".lock", ".txt", ".in", ".cfg")
STARTS = ("Procfile", "Dockerfile", "Pipfile")
JUDGED = (".py", *YAML, ".service", ".sh", ".conf", ".toml")
MATTERING = JUDGED + VERSIONS
NOQA = re.compile(rb"noqa:[^\n]*DJC\d", re.I)
WORDS = (b"elery", b"ELERY", b".delay", b"apply_async", b"send_task", b"shared_task", b"BROKER_URL", b"on_commit(")
MORE_WORDS = (b"DJANGO_SETTINGS_MODULE", b"ATOMIC_REQUESTS")
APPLY_CALLS = (b".apply(args", b".apply(kwargs", b".apply((")
TASK_DECORATOR = re.compile(rb"^[ \t]*@[\w.]*\b(?:periodic_)?task\b", re.M)  # @app.task, whatever app is called
INSTALLED_APPS = re.compile(rb"^[ \t]*INSTALLED_APPS\s*(?::[^=\n]*)?\+?=", re.M)


class Entry(NamedTuple):
    """Name a file, and what tells cheaply whether it changed."""

    path: str  # relative to the root, with forward slashes
    size: int
    mtime: int


class Tree:
    """List and read the regular files below a folder, on disk or in memory.

    The folder may be a stranger's: no link leads out of it, and pipes, devices and sockets are never opened.
    `unsaved` holds the contents of files that count instead of what is on disk, by their paths.
    """

    def __init__(
        self,
        root: str = "",
        texts: dict[str, str | bytes] | None = None,
        unsaved: dict[str, bytes] | None = None,
    ) -> None:
        self.root = root
        self.unsaved = unsaved or {}
        self.texts = None if texts is None else {path: as_bytes(text) for path, text in texts.items()}
        self.entries: list[Entry] = []
        self.aliases: dict[str, str] = {}  # the path of each file that a link names too, by the path of the link
        self.outside: list[str] = []  # links out of the root
        self.read_errors: list[tuple[str, str]] = []  # path and reason
        self.exclude: tuple[str, ...] = ()
        self.answers = Answers()
        self.read_paths: set[str] = set()  # of the files that were read from the disk
        self._layout: Layout | None = None
        self._folders: dict[str, str] = {}  # the path of each folder that was listed, by its real path

    def scan(self, exclude: Iterable[str] = ()) -> list[Entry]:
        """Find every file that may matter."""
        self._layout = None
        if self.texts is not None:
            self.entries = [Entry(path, len(text), 0) for path, text in sorted(self.texts.items())]
            return self.entries
        self.exclude = tuple(exclude)
        self.entries, self.aliases, self.outside, self._folders = [], {}, [], {}
        links = self._scan_below("", os.path.realpath(self.root))
        while links:
            links = [link for path, target in sorted(links) for link in self._follow(path, target)]
        for path, data in self.unsaved.items():
            self._add_unsaved(path, len(data))
        self.entries.sort(key=lambda entry: entry.path)
        return self.entries

    def _scan_below(self, prefix: str, folder: str) -> list[tuple[str, str]]:
        """Add the files below a folder, and return its links with their targets."""
        links: list[tuple[str, str]] = []
        folders = [(prefix, folder)]
        while folders:
            prefix, folder = folders.pop()
            if folder not in self._folders:
                self._folders[folder] = prefix
                folders += self._scan_folder(prefix, folder, links)
        return links

    def _scan_folder(self, prefix: str, folder: str, links: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Add the files of one folder and its links, and return the folders inside."""
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
            name = entry.name
            path = prefix + name
            if name.startswith(".") or "{{" in name or (self.exclude and self._is_excluded(path)):
                continue
            try:
                if entry.is_symlink():
                    links.append((path, os.path.realpath(entry.path, strict=True)))
                elif entry.is_dir(follow_symlinks=False):
                    if is_entered(name):
                        subfolders.append((f"{path}/", entry.path))
                elif may_matter(name):
                    self._add(path, entry.stat(follow_symlinks=False))
            except OSError as error:
                if may_matter(name):
                    self.read_errors.append((path, f"cannot be read: {error.strerror}"))
        return subfolders

    def _add(self, path: str, state: os.stat_result) -> None:
        """Add a regular file; name anything else as not checked."""
        if not stat.S_ISREG(state.st_mode):
            self.read_errors.append((path, "not a regular file"))
            return
        if len(self.entries) >= MAX_FILES:
            raise CommandError(
                f"There are more than {MAX_FILES} files below {self.root}.",
                "Check a smaller folder, or leave folders out with --exclude.",
            )
        self.entries.append(Entry(path, state.st_size, state.st_mtime_ns))

    def _follow(self, path: str, target: str) -> list[tuple[str, str]]:
        """Record what a link stands for; return the links below a folder that is only reached through it."""
        name = path.rpartition("/")[2]
        try:
            state = os.stat(target)
        except OSError as error:
            self.read_errors.append((path, f"cannot be read: {error.strerror}"))
            return []
        is_folder = stat.S_ISDIR(state.st_mode)
        if not (is_entered(name) if is_folder else may_matter(name)):
            return []
        if not is_below(os.path.realpath(self.root), target):
            self.outside.append(path)
            return []
        if is_folder:
            if target not in self._folders:
                return self._scan_below(f"{path}/", target)
            self._add_folder_alias(f"{path}/", self._folders[target])
            return []
        home, _, target_name = target.rpartition(os.sep)
        if home in self._folders and may_matter(target_name):
            self.aliases[path] = self._folders[home] + target_name
        else:
            self._add(path, state)
        return []

    def _add_unsaved(self, path: str, size: int) -> None:
        """Put a file that is not saved in the place of the one on disk, unless a search would not come to it."""
        self.entries = [entry for entry in self.entries if entry.path != path]
        self.read_errors = [(other, reason) for other, reason in self.read_errors if other != path]
        *folders, _ = names = path.split("/")
        prefixes = ["/".join(names[: end + 1]) for end in range(len(names))]
        is_hidden = any(name.startswith(".") or "{{" in name for name in names)
        if all(is_entered(name) for name in folders) and not is_hidden and not any(map(self._is_excluded, prefixes)):
            self.entries.append(Entry(path, size, UNSAVED))

    def _add_folder_alias(self, prefix: str, target: str) -> None:
        """Record a second path for each file of a folder, unless the link is inside of that folder."""
        if prefix.startswith(target):
            return
        for entry in self.entries:
            if entry.path.startswith(target) and len(self.aliases) < MAX_LINKED:
                self.aliases[prefix + entry.path[len(target) :]] = entry.path

    def _is_excluded(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, pattern) or path == pattern.rstrip("/") for pattern in self.exclude)

    @property
    def layout(self) -> Layout:
        """Return which dotted name each path has."""
        if self._layout is None:
            self._layout = Layout({entry.path for entry in self.entries}, self.aliases)
        return self._layout

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, or raise OSError."""
        if self.texts is not None:
            if path not in self.texts:
                raise FileNotFoundError(path)
            return self.texts[path]
        if path in self.unsaved:
            return self.unsaved[path]
        self.read_paths.add(path)
        return read_regular_file(os.path.join(self.root, path))

    def python_files(self, is_wanted: Callable[[str], bool] = bool) -> Iterator[tuple[str, bytes]]:
        """Yield the path and the bytes of each wanted Python file, also of those that no fact is known of."""
        for entry in self.entries:
            if entry.path.endswith(".py") and is_wanted(entry.path):
                try:
                    yield entry.path, self.read(entry.path)
                except OSError:
                    continue


def is_entered(name: str) -> bool:
    """Return whether a folder with this name is searched."""
    return name not in SKIPPED and not name.endswith(".egg-info")


def as_bytes(text: str | bytes) -> bytes:
    """Return a text as bytes."""
    return text.encode() if isinstance(text, str) else text


def may_matter(name: str) -> bool:
    """Return whether a file with this name may matter."""
    return name.endswith(MATTERING) or name.startswith(STARTS)


def is_judged(name: str) -> bool:
    """Return whether a file with this name may have findings."""
    return name.endswith(JUDGED) or name.startswith(STARTS)


def is_promising(path: str, data: bytes) -> bool:
    """Return whether a Python file can have anything to do with Celery or with settings."""
    if b"\0" in data[:1000]:
        return True
    if (
        any(word in data for word in WORDS)
        or any(word in data for word in MORE_WORDS)
        or sets_installed_apps(data)
        or has_noqa(data)
    ):
        return True
    if b".apply(" in data and any(call in data for call in APPLY_CALLS):
        return True
    if b"task" in data and TASK_DECORATOR.search(data):
        return True
    name = path.rpartition("/")[2]
    return "task" in name or "/tasks/" in path or "celery" in name or "settings" in name or "/settings/" in path


def is_promising_test(path: str, data: bytes) -> bool:
    """Return whether a file of tests is one of settings, or has a comment for the check."""
    return has_noqa(data) or sets_installed_apps(data) or ("settings" in path and is_promising(path, data))


def has_noqa(data: bytes) -> bool:
    """Return whether a text has a comment that silences one of our rules."""
    return b"noqa" in data.lower() and NOQA.search(data) is not None


def sets_installed_apps(data: bytes) -> bool:
    """Return whether a text assigns INSTALLED_APPS; most texts that name it only read it."""
    return b"INSTALLED_APPS" in data and INSTALLED_APPS.search(data) is not None
