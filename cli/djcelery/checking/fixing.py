"""Safe fixes: applied in memory, parsed again, and kept only if the file still parses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from djcelery.edits import Edit
from djcelery.plan import Plan

Row = dict[str, Any]


def planned(root: str, rows: list[Row]) -> Plan:
    """The plan that all safe fixes make together."""
    plan = Plan(Path(root))
    edits: dict[str, list[Edit]] = {}
    for row in rows:
        if row["fix"] and row["fix"]["safe"]:
            for edit in row["fix"]["edits"]:
                edits.setdefault(edit[0], []).append(Edit(*edit))
    for path, each in edits.items():
        fixed(plan, path, each)
    return plan


def fixed(plan: Plan, path: str, edits: list[Edit]) -> None:
    """Fix one file, all at once or else one by one; what would not parse is left."""
    if not plain(plan, path):
        return
    after = plan.edit(path, edits)
    if parses(after):
        plan.write(path, after)
        return
    for edit in sorted(edits, reverse=True):
        after = plan.edit(path, [edit])
        if parses(after):
            plan.write(path, after)


def plain(plan: Plan, path: str) -> bool:
    """Whether the places of the facts are the places of the bytes: UTF-8 and ordinary line ends."""
    try:
        data = plan.read(path)
        data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return b"\r" not in data.replace(b"\r\n", b"") and b"coding" not in data[:200].split(b"\n", 2)[0]


def parses(data: bytes) -> bool:
    from djcelery.project.grammar import Unreadable, decode, parse

    try:
        parse(decode(data))
    except Unreadable:
        return False
    return True
