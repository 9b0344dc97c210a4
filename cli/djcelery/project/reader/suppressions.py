"""Find the `# noqa` comments of a file."""

from __future__ import annotations

import io
import re
import tokenize

NOQA = re.compile(r"#\s*noqa\b(?::\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?", re.I)
BLANKET_NOQA = re.compile(r"#\s*noqa\s*$", re.M | re.I)


def suppressions(text: str) -> dict[int, list[str]]:
    """Return the codes that a comment silences, by line; an empty list silences every code."""
    if "DJC" not in text.upper():
        comments = BLANKET_NOQA.finditer(text) if "noqa" in text.lower() else ()
        return {text.count("\n", 0, comment.start()) + 1: [] for comment in comments}
    codes_by_line = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (match := NOQA.search(token.string)):
                codes_by_line[token.start[0]] = re.findall(r"[A-Z]+\d+", (match["codes"] or "").upper())
    except (tokenize.TokenError, SyntaxError):
        return codes_by_line
    return codes_by_line
