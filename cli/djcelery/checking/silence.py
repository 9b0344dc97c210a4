"""`# noqa: DJC101` on the line of a finding silences it; one that silences nothing is told."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


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
                kept.append(idle(path, line, code))
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


def idle(path: str, line: int, code: str) -> Row:
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
        "fix": None,
    }
