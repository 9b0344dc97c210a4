"""Find what the command line names: the project to read, and the parts of it to report on.

Paths are written relative to the current folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from djcelery.errors import UsageError
from djcelery.findings import Finding
from djcelery.project.files import is_judged
from djcelery.safe_files import is_below, read_regular_file

OWN_TABLE = re.compile(rb"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*[\"']?djcelery[\"']?[ \t]*[.\]]", re.M)


class Scope(NamedTuple):
    """Name the root that is read, and the paths below it that are reported on; no paths means all of it."""

    root: str
    paths: tuple[str, ...] = ()

    def shown(self, path: str) -> str:
        """Return a path below the root relative to the current folder.

        It stays relative to the root if that neither contains the current folder nor is in it.
        """
        here, root = os.path.realpath(os.getcwd()), self.root
        if here == root or not (is_below(here, root) or is_below(root, here)):
            return path
        return os.path.relpath(os.path.join(root, path), here).replace(os.sep, "/")

    def with_shown_paths(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings with their paths relative to the current folder."""
        return [replace(finding, path=self.shown(finding.path)) for finding in findings]

    def contains(self, path: str) -> bool:
        """Return whether a file below the root is one of the paths or below one; with no paths, every file is."""
        return not self.paths or any(path == above or path.startswith(f"{above}/") for above in self.paths)


def find_scope(paths: tuple[str, ...]) -> Scope:
    """Return the scope that some paths name; without paths, that of the current folder.

    They belong to the project above them. If they are that project's root, all of it is reported on.
    """
    full = [full_path(path) for path in paths] or [os.path.realpath(os.getcwd())]
    root = project_above(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in full]))
    if root in full:
        return Scope(root)
    return Scope(root, tuple(below(root, path) for path in full))


def find_unsaved(path: str) -> Scope:
    """Return the scope of one file that need not exist, since its text comes from elsewhere.

    Raise UsageError if it is outside the project of the current folder, or leads out of its own.
    """
    if os.path.isdir(path):
        raise UsageError(f"{path!r} is a folder.", "Pass --stdin-filename the path of a Python file.")
    if not is_judged(os.path.basename(path)):
        raise UsageError(f"{path!r} is not a kind of file that is checked.", "Pass the path of a Python file.")
    folder, name = os.path.split(os.path.abspath(path))
    file = os.path.join(os.path.realpath(folder), name)
    root = project_above(os.path.dirname(file))
    here = project_above(os.path.realpath(os.getcwd()))
    target = os.path.realpath(file)
    if not (is_below(here, target) and is_below(root, target)):
        raise UsageError(f"{path!r} is outside of the project.", f"Pass the path of a file below {here}.")
    return Scope(root, (below(root, file),))


def full_path(path: str) -> str:
    """Return the absolute path of a folder or file; raise UsageError if it is neither.

    Links in the path of a folder are resolved. A file keeps its own name: it may be a link out of its project.
    """
    if not os.path.exists(path):
        raise UsageError(f"Path {path!r} does not exist.", "Pass a folder or a file that exists.")
    if os.path.isdir(path):
        return os.path.realpath(path)
    if not os.path.isfile(path):
        raise UsageError(f"{path!r} is not a regular file.", "Pass a folder or a Python file.")
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def below(root: str, path: str) -> str:
    """Return a path relative to the root, with a link that stays in the root replaced by its target."""
    target = os.path.realpath(path)
    return os.path.relpath(target if is_below(root, target) else path, root).replace(os.sep, "/")


def project_above(folder: str) -> str:
    """Return the root of the project that a folder belongs to: this folder or one above it, up to the repository's.

    A pyproject.toml with [tool.djcelery] marks it, or else manage.py, or else .git. Without any of them, the folder is
    its own root.
    """
    candidates = [*up_to_repository(folder)]
    for is_root in (has_own_table, has_manage_py, has_git):
        for candidate in candidates:
            if is_root(candidate):
                return candidate
    return folder


def up_to_repository(folder: str) -> Iterator[str]:
    """Yield the folder and those above it, and stop at the root of a git repository."""
    while True:
        yield folder
        above = os.path.dirname(folder)
        if has_git(folder) or above == folder:
            return
        folder = above


def has_own_table(folder: str) -> bool:
    """Return whether a folder has a pyproject.toml with our table."""
    try:
        return OWN_TABLE.search(read_regular_file(os.path.join(folder, "pyproject.toml"))) is not None
    except OSError:
        return False


def has_manage_py(folder: str) -> bool:
    """Return whether a folder has a manage.py."""
    return os.path.isfile(os.path.join(folder, "manage.py"))


def has_git(folder: str) -> bool:
    """Return whether a folder is the root of a git repository."""
    return os.path.lexists(os.path.join(folder, ".git"))


def unchecked(paths: Iterable[str]) -> list[str]:
    """Return the paths of files of a kind that never has findings."""
    return [path for path in paths if not os.path.isdir(path) and not is_judged(os.path.basename(path))]
