"""Silence findings by `# noqa: DJC101` on their lines. A comment that silences nothing is a finding itself."""

from __future__ import annotations

import re

from djcelery.edits import Edit
from djcelery.findings import Finding, Fix
from djcelery.project.project import Project

NOQA = re.compile(rb"#\s*noqa:\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)", re.I)
Comments = dict[tuple[str, int], list[str]]  # the codes of each comment, by file and line; none silence everything


def silence(project: Project, findings: list[Finding]) -> list[Finding]:
    """Return the findings that no comment silences, and one for each code that silences nothing."""
    comments: Comments = {
        (module.path, line): codes
        for module in [*project.modules, *project.extra_modules]
        for line, codes in module.noqa.items()
    }
    used: set[tuple[str, int, str]] = set()
    kept = [finding for finding in findings if not is_silenced(finding, comments, used)]
    lines: dict[str, list[bytes]] = {}
    for (path, line), codes in sorted(comments.items()):
        for code in codes:
            if code.startswith("DJC") and (path, line, code) not in used:
                if path not in lines:
                    lines[path] = lines_of(project, path)
                kept.append(unused(path, line, code, removal(lines[path], path, line, code)))
    return kept


def is_silenced(finding: Finding, comments: Comments, used: set[tuple[str, int, str]]) -> bool:
    """Return whether a comment on the first or last line silences a finding, and note which code did."""
    for line in (finding.line, finding.end_line):
        codes = comments.get((finding.path, line))
        if codes is None:
            continue
        if not codes:
            return True
        if finding.code in codes:
            used.add((finding.path, line, finding.code))
            return True
    return False


def lines_of(project: Project, path: str) -> list[bytes]:
    """Return the lines of a file, none if it cannot be read."""
    try:
        return project.tree.read(path).removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError:
        return []


def removal(lines: list[bytes], path: str, line: int, code: str) -> Fix | None:
    """Return the fix that takes a code out of its comment, and the comment away if nothing else is in it."""
    text = lines[line - 1] if line <= len(lines) else b""
    matches = [*NOQA.finditer(text)]
    if not matches:
        return None
    start, end = matches[-1].span()
    codes = [other for other in re.split(rb"[,\s]+", matches[-1]["codes"]) if other.upper() != code.encode()]
    kept = b"# noqa: " + b", ".join(codes) if codes else b""
    if not kept:
        remainder = text[end:].lstrip(b" \t-:,")
        end = len(text) - len(remainder)
        kept = b"# " if remainder.strip() and not remainder.startswith(b"#") else b""
        start = start if remainder.strip() else len(text[:start].rstrip())
    return Fix("remove it", (Edit(path, line, start, line, end, kept.decode()),))


def unused(path: str, line: int, code: str, fix: Fix | None) -> Finding:
    """Return the finding for a code that silences nothing."""
    return Finding(
        path, line, 1, f"unused noqa: there is no {code} on this line", "warning", fix, "DJC002", "unused-noqa"
    )
