"""Everything that can go wrong, said in one sentence and one hint."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click


class CommandError(click.ClickException):
    """The command was understood and is refused, or failed. Exit code 1."""

    exit_code = 1

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def as_text(self) -> str:
        """The words for a terminal: the sentence, then the hint on its own line."""
        return f"Error: {self.sentence}" + (f"\nHint: {self.hint}" if self.hint else "")

    def as_json(self) -> str:
        """The same for a program, as one JSON object."""
        error = {"sentence": self.sentence, "hint": self.hint, "exit_code": self.exit_code}
        return json.dumps({"success": False, "error": error}, indent=2)


class UsageError(CommandError):
    """The command line itself is wrong. Exit code 2."""

    exit_code = 2


class Cancelled(CommandError):  # noqa: N818 cancelling is no error
    """Ctrl-C, the end of the input, or a signal. The exit code says which."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("Stopped before the end.", "Nothing half-made was left behind; run it again when you like.")
        # Click declares it on the class, and reads it from either.
        self.exit_code = exit_code  # type: ignore[misc]


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `word` was probably meant to be, if there is one."""
    from difflib import get_close_matches  # costs 5 ms, and only the one who mistypes needs it

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    matches = get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return a hint that names the closest candidate, or else all of them."""
    choices = list(candidates)
    match = closest(word, choices)
    return f"Did you mean {match}?" if match else f"Choose from: {', '.join(choices)}."


def from_click(error: click.ClickException) -> CommandError:
    """Turn an error of Click's own into one of this family."""
    if isinstance(error, CommandError):
        return error
    context = getattr(error, "ctx", None)
    manual = f"See {context.command_path} --help." if context else "Add --help to see how it is used."
    if isinstance(error, click.NoSuchOption):
        guesses = " or ".join(error.possibilities or ())
        return UsageError(f"There is no option {error.option_name}.", f"Did you mean {guesses}?" if guesses else manual)
    return UsageError(error.format_message(), manual)


def from_os(error: OSError) -> CommandError:
    """Say in words why the operating system refused."""
    import errno

    if error.errno is None and isinstance(error.__cause__, OSError):
        error = error.__cause__
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}:
        return CommandError(f"The disk is full{where}; nothing was left behind.", "Free some space and run it again.")
    return CommandError(f"{error.strerror or error}{where}; nothing was left behind.", "Correct that and run it again.")


def from_bug(error: BaseException) -> CommandError:
    """Say that this is our fault, and how to see more."""
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return CommandError(
        f"This is a bug in djcelery: {what}", "Set DJCELERY_TRACEBACK=1 to see where, and please report it."
    )
