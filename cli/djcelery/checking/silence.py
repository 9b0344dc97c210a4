"""`# noqa: DJC101` on the line of a finding silences it; one that silences nothing is told."""

from __future__ import annotations

import re
from typing import Any

Row = dict[str, Any]
NOQA = re.compile(rb"#\s*noqa:\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)", re.I)


def silence(project: Any, rows: list[Row]) -> list[Row]:
    """The rows that no comment silences, and one for each comment that silences nothing."""
    comments = {
        (module.path, line): codes
        for module in [*project.modules, *project.late]
        for line, codes in module.noqa.items()
    }
    used: set[tuple[str, int, str]] = set()
    kept = [row for row in rows if not silenced(row, comments, used)]
    for (path, line), codes in sorted(comments.items()):
        for code in codes:
            if code.startswith("DJC") and (path, line, code) not in used:
                kept.append(idle(path, line, code, without(lines_of(project, path), path, line, code)))
    return kept


def silenced(row: Row, comments: dict[tuple[str, int], list[str]], used: set[tuple[str, int, str]]) -> bool:
    for line in (row["line"], row["end_line"]):
        codes = comments.get((row["path"], line))
        if codes is None:
            continue
        if not codes:
            return True
        if row["code"] in codes:
            used.add((row["path"], line, row["code"]))
            return True
    return False


def lines_of(project: Any, path: str) -> list[bytes]:
    try:
        lines: list[bytes] = project.tree.read(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError:
        return []
    return lines


def without(lines: list[bytes], path: str, line: int, code: str) -> Row | None:
    """The fix that takes a code out of its comment, and the comment away where nothing else is in it."""
    text = lines[line - 1] if line <= len(lines) else b""
    found = [*NOQA.finditer(text)]
    if not found:
        return None
    start, end = found[-1].span()
    codes = [each for each in re.split(rb"[,\s]+", found[-1]["codes"]) if each.upper() != code.encode()]
    kept = b"# noqa: " + b", ".join(codes) if codes else b""
    if not kept:
        rest = text[end:].lstrip(b" \t-:,")
        end = len(text) - len(rest)
        kept = b"# " if rest.strip() and not rest.startswith(b"#") else b""
        start = start if rest.strip() else len(text[:start].rstrip())
    return {"title": "remove it", "safe": True, "edits": [[path, line, start, line, end, kept.decode()]]}


def idle(path: str, line: int, code: str, fix: Row | None) -> Row:
    return {
        "path": path,
        "line": line,
        "col": 1,
        "end_line": 0,
        "end_col": 0,
        "code": "DJC002",
        "name": "unused-noqa",
        "severity": "warning",
        "message": f"this line has no {code} to silence",
        "fix": fix,
    }
