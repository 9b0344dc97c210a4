"""Insert and remove whole lines of a text, with the line ends that it has."""

from __future__ import annotations


def newline_of(data: bytes) -> str:
    """Return the line end that most lines of a text have."""
    windows = data.count(b"\r\n")
    return "\r\n" if windows > data.count(b"\n") - windows else "\n"


def keep_lines(data: bytes) -> list[bytes]:
    """Return the lines of a text with their line ends. Nothing but a line feed ends a line."""
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def insert_lines(data: bytes, line: int, text: str) -> bytes:
    r"""Return a text with whole lines below one of its lines, which count from 1; 0 is the top.

    `text` ends with "\n". A last line without a line end gets one.
    """
    lines = keep_lines(data)
    if not 0 <= line <= len(lines):
        raise IndexError(f"there is no line {line}")
    newline = newline_of(data)
    head = b"".join(lines[:line])
    if head and not head.endswith(b"\n"):
        head += newline.encode()
    return head + text.replace("\n", newline).encode() + b"".join(lines[line:])


def append_lines(data: bytes, text: str) -> bytes:
    r"""Return a text with whole lines at its end. `text` ends with "\n"."""
    return insert_lines(data, data.count(b"\n") + (not data.endswith(b"\n") and bool(data)), text)
