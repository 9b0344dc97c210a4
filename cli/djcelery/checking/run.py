"""One run: scan, ask the store, otherwise read and judge; then silence what the code asks to silence."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from djcelery.checking.store import Store, fingerprint
from djcelery.project.files import Tree

if TYPE_CHECKING:
    from djcelery.project.running import Running

Row = dict[str, Any]


class Report:
    """What a run found: every finding at every severity, before anyone chose."""

    def __init__(self, root: str, rows: list[Row], files: int, read: list[str], stored: bool) -> None:
        self.root = root
        self.rows = rows
        self.files = files
        self.read = read
        self.stored = stored


def run(root: str, exclude: tuple[str, ...] = (), cached: bool = True, running: Running | None = None) -> Report:
    """Check the code base below a folder."""
    tree = Tree(root)
    entries = tree.scan(exclude)
    store = Store(root, stamp(), cached)
    key = fingerprint(entries, *exclude)
    known = store.get("findings.json", key) if running is None else None
    if known is not None:
        return Report(root, known["rows"], known["files"], known["read"], True)
    report = work(tree, store, running)
    if running is None:
        text = json.dumps({"rows": report.rows, "files": report.files, "read": report.read})
        store.put("findings.json", text, key)
    return report


def stamp() -> str:
    """The version of the tool; while it is being developed, of its files."""
    import djcelery

    home = os.path.dirname(djcelery.__file__)
    newest = 0
    for folder in ("project", "rules", "checking"):
        for path, _, names in os.walk(os.path.join(home, folder)):
            times = [os.stat(os.path.join(path, name)).st_mtime_ns for name in names if name.endswith(".py")]
            newest = max([newest, *times])
    return f"{djcelery.__version__}-{newest}"


def work(tree: Tree, store: Store, running: Running | None) -> Report:
    import gc

    from djcelery.project.loading import as_text, load
    from djcelery.project.project import Project

    gc.disable()  # a short run with millions of small objects that all stay
    modules, remembered = load(tree, store.get("facts.json"))
    if store.enabled:
        store.put("facts.json", as_text(remembered))
    project = Project(tree, modules, running)
    python = [entry.path for entry in tree.entries if entry.path.endswith(".py")]
    return Report(tree.root, judged(project), len(python), [module.path for module in modules], False)


def judged(project: Any) -> list[Row]:
    """The findings of a project as rows, silenced ones left out, trouble and idle comments told."""
    from djcelery.checking.silence import silence
    from djcelery.rules import judge

    rows = [as_row(finding) for finding in judge(project)]
    rows = silence(project, rows)
    rows += [trouble(path, 1, why) for path, why in project.tree.troubles]
    rows += [trouble(m.path, m.trouble_line, m.trouble) for m in [*project.modules, *project.late] if m.trouble]
    in_characters(project, rows)
    unique = {(row["path"], row["line"], row["col"], row["code"], row["message"]): row for row in rows}
    return [unique[key] for key in sorted(unique)]


def in_characters(project: Any, rows: list[Row]) -> None:
    """Columns as people count them: syntax trees count the bytes of a line, and so do edits."""
    lines: dict[str, list[bytes]] = {}
    for row in rows:
        if row["path"] not in lines:
            lines[row["path"]] = wide_lines(project, row["path"])
        for line, col in (("line", "col"), ("end_line", "end_col")):
            held = lines[row["path"]]
            if 0 < row[line] <= len(held):
                before = held[row[line] - 1][: row[col] - 1]
                row[col] -= len(before) - len(before.decode("utf-8", "ignore"))


def wide_lines(project: Any, path: str) -> list[bytes]:
    """The lines of a file in which some characters take several bytes; none for a plain one."""
    from djcelery.project.grammar import Unreadable, decode

    try:
        text = decode(project.tree.read(path)).removeprefix("\ufeff")
    except (OSError, Unreadable):
        return []
    return [] if text.isascii() else [line.encode("utf-8", "replace") for line in text.split("\n")]


def as_row(finding: Any) -> Row:
    fix = finding.fix
    edits = [[e.path, e.line, e.col, e.end_line, e.end_col, e.text] for e in fix.edits] if fix else []
    return {
        "path": finding.path,
        "line": finding.line,
        "col": finding.col,
        "end_line": finding.end_line,
        "end_col": finding.end_col,
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "fix": {"title": fix.title, "safe": fix.safe and bool(edits), "edits": edits} if fix else None,
    }


def trouble(path: str, line: int, why: str) -> Row:
    return {
        "path": path,
        "line": line,
        "col": 1,
        "end_line": 0,
        "end_col": 0,
        "code": "DJC001",
        "name": "unreadable-file",
        "severity": "warning",
        "message": f"not checked: {why}",
        "fix": None,
    }
