"""Print in one safe way: nothing from a checked repository reaches a terminal or a CI log as a command."""

from __future__ import annotations

import re
import sys

import click

# C0 and C1 controls, controls of the writing direction, line and paragraph separators, and halves of surrogate pairs.
_CONTROL = r"\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT = re.compile(rf"[{_CONTROL}]|\r(?!\n)")
_IN_LINE = re.compile(rf"[{_CONTROL}\t\n\r]")
# What GitHub Actions obeys: `::` at the start of a line, and `##[` anywhere in it.
_WORKFLOW_COMMAND = re.compile(r"^(?P<indent>[ \t]*):(?=:)|#(?=#\[)", re.M)


def echo(text: str, *, err: bool = False, nl: bool = True, workflow_commands: bool = False) -> None:
    """Print a text with its control characters as escapes, on stdout or stderr.

    Only a text that consists of our own commands for GitHub Actions may hold such commands.
    """
    text = escape(text)
    click.echo(text if workflow_commands else _WORKFLOW_COMMAND.sub(_disarm, text), err=err, nl=nl)


def echo_file(data: bytes) -> None:
    """Print the contents of a file on stdout: byte for byte to a program, as `echo` does to a terminal."""
    if sys.stdout.isatty():
        echo(data.decode("utf-8", "replace"), nl=False)
    else:
        click.echo(data, nl=False)


def clear_screen() -> None:
    """Clear the terminal; do nothing if stdout is not one."""
    click.clear()


def escape(text: str) -> str:
    r"""Return the text with each control character as an escape such as \u001b; line ends and tabs stay."""
    return _IN_TEXT.sub(_as_escape, text)


def escape_line(text: str) -> str:
    """Return the text with line ends and tabs as escapes, too, so that it cannot begin a line of its own."""
    return _IN_LINE.sub(_as_escape, text)


def _as_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"  # in the form that JSON reads, too


def _disarm(match: re.Match[str]) -> str:
    return f"{match['indent']}\\u003a" if match["indent"] is not None else "\\u0023"
