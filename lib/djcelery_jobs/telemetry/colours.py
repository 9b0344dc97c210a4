"""Colour the level of a line of the log, where somebody reads it on a terminal."""

import os
import re
from typing import TextIO

COLOURS = {"debug": 36, "info": 32, "warning": 33, "error": 31, "critical": 31}
# In a line of a project's own log, `2026-11-28 19:32:29.709334 [info     ] ...`, and in one of Celery's format,
# `[2026-11-28 19:32:29,709: INFO/MainProcess] ...`.
LEVEL = re.compile(r"(?P<start>[-\d:.,TZ ]*\[|\[[-\d:., ]+: )(?P<level>debug|info|warning|error|critical)\b", re.I)


def are_wanted(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows colours, and nobody has asked for none."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def with_coloured_level(line: str) -> str:
    """Return a line with its level in a colour; a line without a level as it is."""
    match = LEVEL.match(line)
    if match is None:
        return line
    begin, end = match.span("level")
    colour = COLOURS[match["level"].lower()]
    return f"{line[:begin]}\033[{colour}m{line[begin:end]}\033[0m{line[end:]}"
