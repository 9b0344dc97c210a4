"""Find where a file went: files that were moved and edited keep most of their lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

SIMILAR = 0.5  # as git
MIN_LINES = 3
MAX_SIZE = 500_000
SKIPPED = ("node_modules", "site-packages", "__pycache__")


def similarity(left: bytes, right: bytes) -> float:
    """Return the share of lines that two texts have in common, from 0 to 1."""
    first, second = (Counter(line for line in map(bytes.strip, text.splitlines()) if line) for text in (left, right))
    total = first.total() + second.total()
    return 2 * (first & second).total() / total if min(first.total(), second.total()) >= MIN_LINES else 0


def closest(path: str, data: bytes, candidates: Mapping[str, bytes]) -> str | None:
    """Return the one path whose contents are similar enough, or None."""
    suffix = PurePosixPath(path).suffix
    ranked = sorted(
        ((similarity(data, other), name) for name, other in candidates.items() if PurePosixPath(name).suffix == suffix),
        reverse=True,
    )
    if not ranked or ranked[0][0] < SIMILAR or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
        return None
    return ranked[0][1]


def renames(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, str]:
    """Return which files of the template have another path now, by the old one."""
    gone = {path: data for path, data in old.items() if path not in new}
    come = {path: data for path, data in new.items() if path not in old}
    renamed: dict[str, str] = {}
    for path, data in sorted(gone.items()):
        if target := closest(path, data, come):
            renamed[path] = target
            del come[target]
    return renamed


def read_candidates(root: Path, paths: Iterable[str] | None, known: Iterable[str]) -> dict[str, bytes]:
    """Return the files of the team, by path, that a file of the template can have become.

    `paths` are those that git tracks, or None without git; `known` are files that are somebody else already.
    """
    left_out = set(known)
    candidates = {}
    for path in sorted(_walk(root) if paths is None else paths):
        file = root / path
        if path in left_out or path.startswith("djcelery_jobs/") or file.is_symlink() or not file.is_file():
            continue
        if file.stat().st_size <= MAX_SIZE:
            candidates[path] = file.read_bytes()
    return candidates


def _walk(root: Path) -> list[str]:
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED and not _is_environment(Path(folder, name))]
        paths += [Path(folder, name).relative_to(root).as_posix() for name in names]
    return paths


def _is_environment(folder: Path) -> bool:
    return folder.name in {".git", ".djcelery"} or (folder / "pyvenv.cfg").exists()
