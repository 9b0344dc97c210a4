"""Silence the present findings with comments, so that a project can adopt the rules now and fix these later."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from djcelery.checking.fixing import is_editable
from djcelery.checking.silence import NOQA
from djcelery.edits import Edit, edited
from djcelery.findings import Finding
from djcelery.plan import Plan

UNUSED = "DJC002"  # what is said about a comment that silences nothing is not silenced by another one


class Silenced(NamedTuple):
    """Say what was done: how many findings have a comment now, in which files, and which findings have none."""

    number: int
    paths: list[str]
    left: list[Finding]


def add_noqa(root: str, findings: Iterable[Finding]) -> Silenced:
    """Write a comment on the line of each finding, or all of the codes of a line into the comment that is there.

    A finding outside of Python code is left, and one whose line takes no comment, such as a line inside of a string.
    """
    plan, count, left = Plan(Path(root)), 0, []
    by_file: dict[str, dict[int, list[Finding]]] = {}
    for finding in findings:
        if finding.code == UNUSED or not finding.path.endswith(".py"):
            left.append(finding)
        else:
            by_file.setdefault(finding.path, {}).setdefault(finding.end_line or finding.line, []).append(finding)
    for path, by_line in by_file.items():
        for line, alike in by_line.items():
            if is_editable(plan, path) and _comment(plan, path, line, sorted({finding.code for finding in alike})):
                count += len(alike)
            else:
                left += alike
    return Silenced(count, plan.apply(), left)


def _comment(plan: Plan, path: str, line: int, codes: list[str]) -> bool:
    """Plan the comment on a line, and return whether the code is the same with it."""
    before = plan.read(path)
    lines = before.split(b"\n")
    if line > len(lines):
        return False
    text = lines[line - 1].rstrip(b"\r")
    matches = [*NOQA.finditer(text)]
    end = matches[-1].end() if matches else len(text.rstrip())
    comment = f"{', ' if matches else '  # noqa: '}{', '.join(codes)}"
    after = edited(before, [Edit(path, line, end, line, end if matches else len(text), comment)])
    if not _tree(before) or _tree(before) != _tree(after) or not NOQA.search(after.split(b"\n")[line - 1]):
        return False
    plan.write(path, after)
    return True


def _tree(data: bytes) -> str:
    """Return the code without places and comments; empty for what is no Python."""
    try:
        return ast.dump(ast.parse(data))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
