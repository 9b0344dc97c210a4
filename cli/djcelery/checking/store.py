"""What one run leaves for the next: in the project's own folder, ignored by git, and never needed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any

from djcelery.project.files import Entry

FOLDER = ".djcelery_cache"


class Store:
    """Two small files: the findings of a whole tree, and the facts of each file."""

    def __init__(self, root: str, stamp: str, enabled: bool = True) -> None:
        self.folder = os.path.join(root, FOLDER)
        self.stamp = stamp
        self.enabled = enabled

    def get(self, name: str, key: str = "") -> Any:
        """What was put there under this key by this very version, or None."""
        if not self.enabled:
            return None
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                if file.readline().strip() != f"{self.stamp} {key}":
                    return None
                return json.load(file)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, name: str, text: str, key: str = "") -> None:
        """Keep a text; a folder that cannot be written is no trouble."""
        if not self.enabled:
            return
        try:
            self.prepare()
            path = os.path.join(self.folder, name)
            with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
                file.write(f"{self.stamp} {key}\n{text}")
            os.replace(f"{path}.{os.getpid()}", path)
        except OSError:
            return

    def prepare(self) -> None:
        if os.path.isdir(self.folder):
            return
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")


def fingerprint(entries: Iterable[Entry], *more: str) -> str:
    """Changes whenever a file does."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\0".join(more).encode("utf-8", "surrogateescape"))
    for entry in entries:
        digest.update(f"{entry.path}\0{entry.size}\0{entry.mtime}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
