"""Before parsing: bodies that the walk would pass over become blank lines, so that the parser need not read them.

Every line stays where it is. What is laid out in a way that is not known here stays as it is.
"""

from __future__ import annotations

from bisect import bisect_left

BLANK = frozenset(("", " ", "\t", "#", "\r"))
STEP = "    "


def thinned(text: str, telling: list[int]) -> str:
    """The text without the bodies of functions and classes that hold no telling line; these count from 1."""
    lines = text.split("\n")
    thin(lines, 0, len(lines), "", telling)
    return "\n".join(lines)


def thin(lines: list[str], first: int, end: int, indent: str, telling: list[int]) -> None:
    """Thin the definitions that begin at an indent, between two lines."""
    width, kind, decorated, head = len(indent), "", False, 0
    starts = [
        number
        for number in range(first, end)
        if lines[number][width : width + 1] not in BLANK and lines[number].startswith(indent)
    ]
    for start, stop in zip(starts, [*starts[1:], end], strict=False):
        line = lines[start]
        word = line[width:].partition(" ")[0]
        if word in {"def", "async", "class"}:
            kind, head = "" if decorated and word != "class" else word, start
            decorated = False
        elif line[width] != ")":  # a line with that ends a head, or a decorator, of several lines
            kind, decorated = "", line[width] == "@"
        if not kind or not line.endswith(":"):
            continue
        place = bisect_left(telling, head + 1)
        tells = place < len(telling) and telling[place] <= stop
        if not tells and plain(lines[start + 1 : stop], kind):
            lines[start + 1 : stop] = [f"{indent} pass", *[""] * (stop - start - 2)]
        elif kind == "class" and not indent:
            thin(lines, start + 1, stop, STEP, telling)


def plain(body: list[str], kind: str) -> bool:
    """Whether a body can go: a function with one inside may be a decorator; no long text begins or ends in it."""
    if not body or (kind != "class" and any("def " in line for line in body)):
        return False
    text = "".join(body)
    return text.count('"""') % 2 == 0 and text.count("'''") % 2 == 0
