"""Report findings to people: errors first, repeats folded, each with its source line and its rule's address."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from djcelery.checking.formats import address, concise_line
from djcelery.findings import SEVERITIES, Finding, Severity
from djcelery.output import escape_line
from djcelery.safe_files import leaves, read_regular_file
from djcelery.wording import counted

MAX_ALIKE = 3  # warnings or hints of one rule that are shown; every error is
MAX_WIDTH = 110  # characters of a source line


class TextReport:
    """Lay out the findings of the project below a root."""

    def __init__(self, root: str, show_all: bool = False, unsaved: dict[str, bytes] | None = None) -> None:
        self.root = root
        self.show_all = show_all
        self._lines = {path: data.split(b"\n") for path, data in (unsaved or {}).items()}

    def render(self, findings: Iterable[Finding], shown_paths: dict[str, str]) -> str:
        """Return all findings as text; `shown_paths` says how the path of each file is written."""
        groups: dict[tuple[Severity | str, str], list[Finding]] = {}
        for finding in findings:
            groups.setdefault((finding.severity, finding.code), []).append(finding)
        severities: tuple[str, ...] = SEVERITIES
        ordered = sorted(groups.items(), key=lambda group: (severities.index(group[0][0]), group[0][1]))
        return "\n".join(line for _, alike in ordered for line in self._group(alike, shown_paths))

    def _group(self, alike: list[Finding], shown_paths: dict[str, str]) -> Iterator[str]:
        """Yield the lines about the findings of one rule."""
        is_folded = not self.show_all and alike[0].severity != "error" and len(alike) > MAX_ALIKE
        visible = alike[:MAX_ALIKE] if is_folded else alike
        for finding in visible:
            yield concise_line(finding, shown_paths[finding.path])
            if source := self._source(finding):
                yield f"    {source}"
        if is_folded:
            yield f"  ... and {len(alike) - len(visible)} more like it: --all shows them"
        yield f"  = {address(alike[0].code, alike[0].name)}"

    def _source(self, finding: Finding) -> str:
        """Return the line of the source that a finding is about."""
        lines = self._lines_of(finding.path)
        text = lines[finding.line - 1].decode("utf-8", "replace").strip() if 0 < finding.line <= len(lines) else ""
        return escape_line(text if len(text) <= MAX_WIDTH else f"{text[:MAX_WIDTH]}...")

    def _lines_of(self, path: str) -> list[bytes]:
        if path not in self._lines:
            file = os.path.join(self.root, path)
            try:
                self._lines[path] = [] if leaves(self.root, file) else read_regular_file(file).split(b"\n")
            except OSError:
                self._lines[path] = []
        return self._lines[path]


def understood(counts: dict[str, int]) -> str:
    """Return one line about what was recognised in the project, and what was not."""
    apps = counted(counts["apps"], "Celery app") if counts["apps"] else "no Celery app recognised"
    parts = [counted(counts["tasks"], "task"), apps]
    if counts["tasks"] or counts["apps"]:
        parts += [counted(counts["settings"], "setting"), counted(counts["sites"], "dispatch site")]
    if counts["unknown_sites"]:
        parts.append(f"{counted(counts['unknown_sites'], 'dispatch site')} of a task that was not found")
    if not (counts["tasks"] and counts["apps"]) and counts["importing"]:
        parts.append(f"{counted(counts['importing'], 'file')} import{'s' if counts['importing'] == 1 else ''} celery")
    return f"Understood: {', '.join(parts)}."


def is_blind(counts: dict[str, int]) -> bool:
    """Return whether the project uses Celery and nothing of that was recognised."""
    return bool(counts["importing"]) and not counts["tasks"]


def count_by_rule(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """Return how many findings each rule has, most first, as plain data."""
    counts = Counter((finding.code, finding.name, finding.severity) for finding in findings)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"count": count, "code": code, "name": name, "severity": severity}
        for (code, name, severity), count in ordered
    ]  # fmt: skip
