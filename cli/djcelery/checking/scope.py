"""What the command line names: the project to read, and the parts of it to report on."""

from __future__ import annotations

import os
from typing import NamedTuple

from djcelery.errors import UsageError

PROJECT_MARKERS = ("pyproject.toml", "manage.py", ".git")


class Scope(NamedTuple):
    """The root that is read, and the paths below it that are reported on; no paths means all of it."""

    root: str
    paths: tuple[str, ...] = ()


def find_scope(paths: tuple[str, ...]) -> Scope:
    """Return the scope that some paths name. A single folder is a root; files belong to the project above them."""
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"Path {path!r} does not exist.", "Pass a folder or a file that exists.")
    if not paths:
        return Scope(os.getcwd())
    if len(paths) == 1 and os.path.isdir(paths[0]):
        return Scope(os.path.abspath(paths[0]))
    full = [os.path.abspath(path) for path in paths]
    root = project_above(os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in full]))
    return Scope(root, tuple(os.path.relpath(path, root).replace(os.sep, "/") for path in full))


def project_above(folder: str) -> str:
    """Return the closest folder, this one or one above it, that looks like a project's root; else this folder."""
    current = folder
    while True:
        if any(os.path.exists(os.path.join(current, name)) for name in PROJECT_MARKERS):
            return current
        above = os.path.dirname(current)
        if above == current:
            return folder
        current = above


def in_paths(path: str, paths: tuple[str, ...]) -> bool:
    """Tell whether a file is one of the paths or below one; with no paths, every file is."""
    return not paths or any(path == above or path.startswith(f"{above}/") or above == "." for above in paths)
