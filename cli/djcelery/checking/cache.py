"""Keep the results of a run for the next: files in the user's cache folder, never in the folder that is checked.

The checked folder may be a stranger's, so it gets no say in where we write.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import time
from collections.abc import Iterable
from typing import Any

from djcelery.project.files import Entry
from djcelery.safe_files import write_atomically

KEPT_FOR = 30 * 86400  # seconds that the cache of a project stays after it was last written
TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# See https://bford.info/cachedir/\n"


def cache_home() -> str:
    """Return the folder of all our caches: DJCELERY_CACHE_DIR, or `djcelery` in the user's cache folder."""
    if folder := os.environ.get("DJCELERY_CACHE_DIR"):
        return os.path.abspath(folder)
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "djcelery")


class Cache:
    """Cache the findings of a whole project, and the answers of each of its files.

    Whatever goes wrong with it, the check goes on without it.
    """

    def __init__(self, root: str, version: str, enabled: bool = True, home: str = "") -> None:
        self.home = os.path.abspath(home) if home else cache_home()
        name = hashlib.blake2b(os.path.realpath(root).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        self.folder = os.path.join(self.home, name)
        self.version = version
        self.enabled = enabled and os.path.isabs(self.home)
        self.digests: dict[str, str] = {}  # of what was got or put under each name

    def get(self, name: str, key: str = "") -> Any:
        """Return what this very version put there under this key, or None."""
        if not self.enabled:
            return None
        try:
            if not all(is_own_folder(folder) for folder in (self.home, self.folder)):
                return None
            path = os.path.join(self.folder, name)
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(descriptor, "rb") as file:
                if not is_own_file(file.fileno()):
                    return None
                head, data = file.readline(), file.read()
            if head != self._head(name, key, data):
                return None
            return marshal.loads(data)  # noqa: S302 - our own file, as this version wrote it
        except (OSError, ValueError):
            return None

    def _head(self, name: str, key: str, data: bytes) -> bytes:
        """Return the first line of a file: the version, the key, and a digest that tells whether the data is whole."""
        digest = self.digests[name] = hashlib.blake2b(data, digest_size=16).hexdigest()
        return f"{self.version} {key} {digest}\n".encode("utf-8", "surrogateescape")

    def put(self, name: str, value: Any, key: str = "") -> None:
        """Keep plain data, if the folder can be written."""
        if not self.enabled:
            return
        try:
            self.prepare()
            data = marshal.dumps(value)
            write_atomically(os.path.join(self.folder, name), self._head(name, key, data) + data, 0o600)
        except OSError:
            return

    def prepare(self) -> None:
        """Make the folders; raise OSError if one of them is a link or somebody else's."""
        if not os.path.lexists(self.home):
            os.makedirs(self.home, 0o700)
            write_atomically(os.path.join(self.home, "CACHEDIR.TAG"), TAG.encode())
        if not is_own_folder(self.home):
            raise NotADirectoryError(self.home)
        if not os.path.lexists(self.folder):
            remove_unused(self.home)
            os.mkdir(self.folder, 0o700)
        if not is_own_folder(self.folder):
            raise NotADirectoryError(self.folder)


def is_own_folder(path: str) -> bool:
    """Return whether a path is a folder of this user's, and no link to one."""
    state = os.lstat(path)
    return stat.S_ISDIR(state.st_mode) and (not hasattr(os, "geteuid") or state.st_uid == os.geteuid())


def is_own_file(descriptor: int) -> bool:
    """Return whether an open file is a regular file of this user's."""
    state = os.fstat(descriptor)
    return stat.S_ISREG(state.st_mode) and (not hasattr(os, "geteuid") or state.st_uid == os.geteuid())


def remove_unused(home: str) -> None:
    """Remove the caches of projects that have not been checked for a while."""
    import shutil

    oldest = time.time() - KEPT_FOR
    with os.scandir(home) as listing:
        unused = [entry.path for entry in listing if entry.is_dir(follow_symlinks=False) and last_use(entry) < oldest]
    for path in unused:
        shutil.rmtree(path, ignore_errors=True)


def last_use(entry: os.DirEntry[str]) -> float:
    """Return when a file was last put into a folder."""
    return entry.stat(follow_symlinks=False).st_mtime


def fingerprint(entries: Iterable[Entry], *more: str) -> str:
    """Return a text that changes whenever a file does."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\0".join(more).encode("utf-8", "surrogateescape"))
    for entry in entries:
        digest.update(f"{entry.path}\0{entry.size}\0{entry.mtime}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
