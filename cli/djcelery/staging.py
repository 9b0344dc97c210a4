"""Write a folder whole or not at all: build it under a hidden name beside its target, then rename it once."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from djcelery import interrupts
from djcelery.errors import CommandError

MAX_LISTED = 5


def refuse_target(target: Path) -> None:
    """Raise CommandError if `target` cannot become a new folder. It may be an empty one, such as the current one."""
    if (target / "manage.py").is_file():
        place = "" if _is_current(target) else f" {os.path.relpath(target)}"
        raise CommandError(f"{target} already is a Django project.", f"Run: djcelery init{place}")
    if target.is_dir():
        _refuse_full(target)
    elif target.exists() or target.is_symlink():
        raise CommandError(f"{target} exists and is not a folder.", "Choose another name, or move it away.")
    parent = target if _is_current(target) else first_existing(target.parent)
    if not parent.is_dir():
        raise CommandError(f"{parent} is not a folder.", "Choose another location.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise _unwritable(parent)


def _refuse_full(target: Path) -> None:
    names = sorted(entry.name for entry in target.iterdir())
    if names:
        listed = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
        hint = "Choose another name, or move these files away."
        raise CommandError(f"{target} is not empty. It contains {listed}", hint)


def _is_current(folder: Path) -> bool:
    return folder.resolve() == Path.cwd().resolve()


def _unwritable(parent: Path) -> CommandError:
    hint = "Choose another folder with --output-dir DIR."
    return CommandError(f"You do not have permission to write to {parent}.", hint)


def first_existing(path: Path) -> Path:
    """Return `path` or its closest ancestor that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


@contextmanager
def hidden_folder(parent: Path) -> Iterator[Path]:
    """Make a hidden folder in `parent` for the length of the block, and remove it whatever happens.

    The name is chosen and the cleanup armed before the folder exists, so no signal can come in between.
    The cleanup is armed twice: a signal may still hit the first `finally` before it could shut signals out,
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
def staged(target: Path) -> Iterator[Path]:
    """Yield the path at which to build `target`; rename it into place once, when the block ends well.

    Parents of `target` that do not exist are built in the hidden folder too, so the one rename brings them along. The
    current folder cannot be replaced, since shells stand in it: what was built moves into it, entry by entry.
    """
    target = target.resolve()
    if _is_current(target):
        with hidden_folder(target) as hidden:
            yield hidden / target.name
            interrupts.check()
            _move_entries(hidden / target.name, target)
        return
    base = first_existing(target.parent)
    parts = target.relative_to(base).parts
    with hidden_folder(base) as hidden:
        built = hidden.joinpath(*parts)
        built.parent.mkdir(parents=True, exist_ok=True)
        yield built
        interrupts.check()
        if os.name == "nt" and target.is_dir():
            target.rmdir()  # Windows cannot rename onto a folder, not even onto an empty one
        (hidden / parts[0]).rename(base / parts[0])


def _move_entries(source: Path, target: Path) -> None:
    """Move what is in a folder into another one, all of it or nothing."""
    names = sorted(entry.name for entry in source.iterdir())
    clash = next((name for name in names if os.path.lexists(target / name)), None)
    if clash:
        raise CommandError(f"{target / clash} appeared in the meantime.", "Move it away and try again.")
    moved: list[str] = []
    try:
        with interrupts.deferred():
            for name in names:
                (source / name).rename(target / name)
                moved.append(name)
    except BaseException:
        for name in moved:
            (target / name).rename(source / name)
        raise
