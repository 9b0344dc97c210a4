"""Describe one change to the text of a file, and apply changes to its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace the bytes between two places of a file; lines count from 1, columns are bytes from 0."""

    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    text: str


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the contents after the edits. An edit that overlaps an earlier one is left for the next run."""
    starts = line_starts(data)
    done = len(data)
    for edit in sorted(set(edits), reverse=True):
        start, end = offset(data, starts, edit.line, edit.col), offset(data, starts, edit.end_line, edit.end_col)
        if end > done or (end == done == start and edit.text == ""):
            continue
        data = data[:start] + edit.text.encode() + data[end:]
        done = start
    return data


def line_starts(data: bytes) -> list[int]:
    """Return the offset at which each line begins."""
    starts, index = [0], 0
    while (index := data.find(b"\n", index) + 1) > 0:
        starts.append(index)
    return starts


def offset(data: bytes, starts: list[int], line: int, col: int) -> int:
    """Return the offset of a place. A byte order mark does not count as a column."""
    mark = 3 if line == 1 and data.startswith(b"\xef\xbb\xbf") else 0
    return min(starts[min(line, len(starts)) - 1] + col + mark, len(data))
