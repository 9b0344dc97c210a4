"""Whole or not at all: a folder is built under a hidden name beside its target and renamed once."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from djcelery import interrupts
from djcelery.errors import CommandError

SHOWN = 5


def refuse_target(target: Path) -> None:
    """Raise CommandError if `target` cannot become a new folder; it may be an empty one."""
    if target.resolve() == Path.cwd().resolve():
        hint = f"Run: cd .. && djcelery new {target.name}"
        raise CommandError("The project would replace the current folder.", hint)
    if target.is_dir():
        in_the_way = sorted(entry.name for entry in target.iterdir())
        if in_the_way:
            shown = ", ".join(in_the_way[:SHOWN]) + (", ..." if len(in_the_way) > SHOWN else "")
            raise CommandError(
                f"{target} is not empty; in the way: {shown}", "Choose another name, or move those away."
            )
    elif target.exists() or target.is_symlink():
        raise CommandError(f"{target} exists and is no folder.", "Choose another name, or move it away.")
    parent = first_existing(target.parent)
    if not parent.is_dir():
        raise CommandError(f"{parent} is no folder.", "Choose another place.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise _unwritable(parent)


def _unwritable(parent: Path) -> CommandError:
    return CommandError(f"There is no permission to write in {parent}.", "Choose another place with --output-dir DIR.")


def first_existing(path: Path) -> Path:
    """Return `path` or its closest ancestor that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A hidden folder in `parent` for the length of the block: gone afterwards, whatever happened.

    The name is chosen and the clean-up armed before the folder exists, so no signal can come in between.
    The clean-up is armed twice: a signal may still hit the first `finally` before it could shut signals out,
    but there is only ever one, and then the second one runs undisturbed.
    """
    hidden = parent / f".djcelery-{os.urandom(6).hex()}"
    try:
        try:
            _make(hidden)
            yield hidden
        finally:
            interrupts.ignore()
    finally:
        interrupts.ignore()
        _remove(hidden)


def _make(hidden: Path) -> None:
    try:
        hidden.mkdir()
    except PermissionError:
        raise _unwritable(hidden.parent) from None


def _remove(folder: Path) -> None:
    for pause in (0, 0.05, 0.2):  # a child that was just killed may still be finishing its last write
        time.sleep(pause)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield the path at which to build what becomes `target` when the block ends well, by one rename.

    Parents of `target` that do not exist are built in the hidden folder too, so the one rename brings them along.
    """
    target = target.resolve()
    base = first_existing(target.parent)
    parts = target.relative_to(base).parts
    with scratch(base) as hidden:
        built = hidden.joinpath(*parts)
        built.parent.mkdir(parents=True, exist_ok=True)
        yield built
        interrupts.check()
        if os.name == "nt" and target.is_dir():
            target.rmdir()  # Windows renames onto nothing, not even onto an empty folder
        (hidden / parts[0]).rename(base / parts[0])
