"""Define a finding: one mistake at one place, with the change that removes it where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypedDict

from djcelery.edits import Edit

Severity = Literal["error", "warning", "hint"]
OptionalSeverity = Severity | Literal[""]  # empty until the rule's own is filled in
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "hint")


class FixJSON(TypedDict):
    """Describe a fix as `--format json` and the cache write it."""

    title: str
    safe: bool
    edits: list[tuple[str, int, int, int, int, str]]


class FindingJSON(TypedDict):
    """Describe a finding as `--format json` and the cache write it."""

    path: str
    line: int
    col: int
    end_line: int
    end_col: int
    code: str
    name: str
    severity: OptionalSeverity
    message: str
    fix: FixJSON | None


@dataclass(frozen=True, slots=True)
class Fix:
    """Describe a change that removes a finding. `--fix` applies only those that are safe, unless told otherwise.

    One without edits only says what to do.
    """

    title: str
    edits: tuple[Edit, ...] = ()
    safe: bool = True

    def as_json(self) -> FixJSON:
        """Return the fix as plain data."""
        edits = [(edit.path, edit.line, edit.col, edit.end_line, edit.end_col, edit.text) for edit in self.edits]
        return {"title": self.title, "safe": self.safe, "edits": edits}

    @classmethod
    def from_json(cls, data: FixJSON) -> Fix:
        """Return the fix that `as_json` was called on."""
        return cls(data["title"], tuple(Edit(*edit) for edit in data["edits"]), data["safe"])


@dataclass(frozen=True, slots=True)
class Finding:
    """Describe one mistake at one place. Lines and columns count from 1; 0 as the end means that the end is unknown.

    A rule leaves `code` and `name` empty, and `severity` too where it is the rule's own; `Rule.find` fills them in.
    """

    path: str
    line: int
    col: int
    message: str
    severity: OptionalSeverity = ""
    fix: Fix | None = None
    code: str = ""
    name: str = ""
    end_line: int = 0
    end_col: int = 0

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Return what sorts findings by file and place, and tells two of them apart."""
        return self.path, self.line, self.col, self.code, self.message

    @property
    def safe_fix(self) -> Fix | None:
        """Return the fix if `--fix` may apply it."""
        return self.fix if self.fix is not None and self.fix.safe else None

    @property
    def unsafe_fix(self) -> Fix | None:
        """Return the fix if `--fix` may apply it only with `--unsafe-fixes`: it has edits and is not safe."""
        return self.fix if self.fix is not None and self.fix.edits and not self.fix.safe else None

    def as_json(self) -> FindingJSON:
        """Return the finding as plain data."""
        return {
            "path": self.path,
            "line": self.line,
            "col": self.col,
            "end_line": self.end_line,
            "end_col": self.end_col,
            "code": self.code,
            "name": self.name,
            "severity": self.severity,
            "message": self.message,
            "fix": None if self.fix is None else self.fix.as_json(),
        }

    @classmethod
    def from_json(cls, data: FindingJSON) -> Finding:
        """Return the finding that `as_json` was called on."""
        return cls(
            path=data["path"],
            line=data["line"],
            col=data["col"],
            message=data["message"],
            severity=data["severity"],
            fix=None if data["fix"] is None else Fix.from_json(data["fix"]),
            code=data["code"],
            name=data["name"],
            end_line=data["end_line"],
            end_col=data["end_col"],
        )


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the order of the text, each of them once."""
    by_order = {finding.order: finding for finding in findings}
    return [by_order[order] for order in sorted(by_order)]
