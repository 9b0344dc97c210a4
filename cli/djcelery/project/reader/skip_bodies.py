"""Blank irrelevant function and class bodies before parsing, so that the parser need not read them.

Every line keeps its number. Code in a layout that is not recognized stays as it is.
"""

from __future__ import annotations

from djcelery.project.reader.relevance import has_relevant_line

NO_STATEMENT = frozenset(("", " ", "\t", "#", "\r"))  # first characters of a line that begins no statement
INDENT = "    "


def blank_irrelevant_bodies(text: str, relevant: list[int]) -> str:
    """Return the text without the bodies that hold none of the relevant lines, which count from 1."""
    lines = text.split("\n")
    blank_bodies_at(lines, 0, len(lines), "", relevant)
    return "\n".join(lines)


def blank_bodies_at(lines: list[str], first: int, end: int, indent: str, relevant: list[int]) -> None:
    """Blank the irrelevant bodies of the definitions that begin at an indent, between two lines."""
    width, keyword, decorated, head = len(indent), "", False, 0
    starts = [
        number
        for number in range(first, end)
        if lines[number][width : width + 1] not in NO_STATEMENT and lines[number].startswith(indent)
    ]
    for start, stop in zip(starts, [*starts[1:], end], strict=False):
        line = lines[start]
        word = line[width:].partition(" ")[0]
        if word in {"def", "async", "class"}:
            keyword, head = "" if decorated and word != "class" else word, start
            decorated = False
        elif line[width] != ")":  # `)` ends a definition or a decorator of several lines
            keyword, decorated = "", line[width] == "@"
        if not keyword or not line.endswith(":"):
            continue
        is_relevant = has_relevant_line(relevant, head + 1, stop)
        if not is_relevant and can_be_blanked(lines[start + 1 : stop], keyword):
            lines[start + 1 : stop] = [f"{indent} pass", *[""] * (stop - start - 2)]
        elif keyword == "class" and not indent:
            blank_bodies_at(lines, start + 1, stop, INDENT, relevant)


def can_be_blanked(body: list[str], keyword: str) -> bool:
    """Return whether blanking a body is safe.

    A function with another one inside may be a decorator, and a body in which a triple-quoted text begins or ends is
    not whole.
    """
    if not body or (keyword != "class" and any("def " in line for line in body)):
        return False
    text = "".join(body)
    return text.count('"""') % 2 == 0 and text.count("'''") % 2 == 0
