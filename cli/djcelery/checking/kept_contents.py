"""Recognize a file that was rewritten with the same bytes, as after a change of branches or in a new clone."""

from __future__ import annotations

import hashlib
import os

from djcelery.checking.cache import Cache
from djcelery.project.files import UNSAVED, Entry, Tree

Known = dict[str, tuple[int, int, bytes]]  # by path: size, time of the last change, digest
NAME = "contents"


class KeptContents:
    """Hold the digests of files from an earlier run, and keep those of this run.

    A file with the same bytes keeps the time at which it was first seen, so everything that is kept about it holds.
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.known: Known = cache.get(NAME) or {}

    def recall(self, entries: list[Entry], tree: Tree) -> list[Entry]:
        """Return the entries. Those of files with the same bytes as before have the earlier time."""
        return [self._recall(entry, tree) for entry in entries]

    def _recall(self, entry: Entry, tree: Tree) -> Entry:
        size, mtime, digest = self.known.get(entry.path, (-1, UNSAVED, b""))
        if entry.size != size or entry.mtime in (mtime, UNSAVED) or digest_of(entry.path, tree) != digest:
            return entry
        return entry._replace(mtime=mtime)

    def keep(self, tree: Tree, read_paths: set[str]) -> None:
        """Keep the digests of all files.

        read_paths: files that this run has read. One of them may have been written meanwhile, so that what was found
        in it is not about the bytes that its entry stands for. Then nothing is kept under its time.
        """
        contents: Known = {}
        for entry in tree.entries:
            known = self.known.get(entry.path)
            if known is not None and entry.mtime == UNSAVED:
                contents[entry.path] = known
            elif known is not None and known[:2] == entry[1:]:
                if entry.path not in read_paths or digest_of(entry.path, tree) == known[2]:
                    contents[entry.path] = known
            elif entry.mtime != UNSAVED and (digest := digest_of(entry.path, tree)) and is_as_listed(entry, tree):
                contents[entry.path] = (*entry[1:], digest)
        if contents != self.known:
            self.cache.put(NAME, contents)


def digest_of(path: str, tree: Tree) -> bytes:
    """Return a digest of a file's bytes, or nothing if it cannot be read."""
    try:
        return hashlib.blake2b(tree.read(path), digest_size=16).digest()
    except OSError:
        return b""


def is_as_listed(entry: Entry, tree: Tree) -> bool:
    """Return whether a file has not been written since it was listed."""
    try:
        state = os.stat(os.path.join(tree.root, entry.path))
    except OSError:
        return False
    return (state.st_size, state.st_mtime_ns) == entry[1:]
