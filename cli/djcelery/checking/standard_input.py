"""Read the text of a file that an editor has not saved from standard input."""

from __future__ import annotations

import sys

from djcelery.errors import CommandError, UsageError
from djcelery.safe_files import MAX_SIZE

NAME = "-"  # on the command line


def is_asked_for(paths: tuple[str, ...], filename: str | None) -> bool:
    """Return whether the command line names standard input; raise UsageError if it names something else, too."""
    if filename is None and NAME not in paths:
        return False
    if not filename:
        raise UsageError("The text from standard input needs the path of its file.", "Pass --stdin-filename PATH.")
    if set(paths) - {NAME}:
        raise UsageError("Standard input cannot be checked together with paths.", "Leave out the paths.")
    return True


def read_text() -> bytes:
    """Return what is on standard input; raise CommandError if that is more than a file may have."""
    data = sys.stdin.buffer.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise CommandError(
            f"The text on standard input is larger than {MAX_SIZE // 1_000_000} MB.", "Pass a smaller file."
        )
    return data
