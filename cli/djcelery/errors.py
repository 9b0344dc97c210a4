"""Define every way in which a command can fail, with a message, a hint and an exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

import click

from djcelery.wording import alternatives

MAX_NAMED = 12  # candidates of a hint


class CommandError(click.ClickException):
    """Say that a command was understood, but refused or failed. Exit code 1."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def as_text(self) -> str:
        """Return the error for a terminal: the message, then the hint on its own line."""
        return f"Error: {self.message}" + (f"\nHint: {self.hint}" if self.hint else "")

    def as_json(self) -> str:
        """Return the error for a program, as one JSON object."""
        return json.dumps({"success": False, "error": self.as_data()}, indent=2)

    def as_data(self) -> dict[str, str | int]:
        """Return the error as values for JSON."""
        return {"message": self.message, "hint": self.hint, "exit_code": self.exit_code}


class UsageError(CommandError):
    """Say that the command line itself is wrong. Exit code 2."""

    exit_code = 2


class Cancelled(CommandError):  # noqa: N818 cancelling is not an error
    """Say that the user pressed Ctrl-C, the input ended, or a signal arrived. The exit code says which."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("Cancelled.", "Nothing was left half-written. You can run the command again.")
        # Click declares it on the class, and reads it from either.
        self.exit_code = exit_code  # type: ignore[misc]


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `word` was probably meant to be, or None."""
    from difflib import get_close_matches  # takes 5 ms, and is needed only after a typo

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    matches = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return a hint that names the closest candidate, or else all of them, or some of many."""
    choices = list(candidates)
    match = closest(word, choices)
    if match:
        return f"Did you mean {match}?"
    if len(choices) > MAX_NAMED:
        return f"Choose one of {len(choices)}, such as {', '.join(choices[:MAX_NAMED])}."
    return f"Choose {alternatives(choices)}."


def from_click(error: click.ClickException) -> CommandError:
    """Turn one of Click's own errors into one of this family."""
    if isinstance(error, CommandError):
        return error
    context = getattr(error, "ctx", None)
    usage = f"Run {context.command_path} --help for usage." if context else "Run the command with --help for usage."
    if isinstance(error, click.NoSuchOption):
        guesses = error.possibilities or ()
        hint = f"Did you mean {alternatives(guesses)}?" if guesses else usage
        return UsageError(f"No such option: {error.option_name}.", hint)
    return UsageError(error.format_message(), usage)


def from_os(error: OSError) -> CommandError:
    """Turn an error of the operating system into words."""
    if error.errno is None and isinstance(error.__cause__, OSError):
        error = error.__cause__
    path = f": {error.filename}" if error.filename else ""
    if _is_full_disk(error):
        return CommandError(f"The disk is full{path}. Nothing was left behind.", "Free some space and try again.")
    return CommandError(f"{error.strerror or error}{path}. Nothing was left behind.", "Fix the cause and try again.")


def _is_full_disk(error: OSError) -> bool:
    import errno

    numbers = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
    if error.errno is None:  # shutil.copytree gathers the errors of many files as text
        return any(os.strerror(number) in str(error) for number in numbers)
    return error.errno in numbers


def from_bug(error: BaseException) -> CommandError:
    """Say that djcelery itself is at fault, and how to see more."""
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    hint = "Set DJCELERY_TRACEBACK=1 to see the traceback, and please report it."
    return CommandError(f"This is a bug in djcelery: {summary}", hint)
