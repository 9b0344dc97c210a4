"""What a rule gives back, and the few words rules share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from djcelery.plan import Edit
from djcelery.project.facts import Module, Value
from djcelery.project.project import Project
from djcelery.project.tasks import Site, Task

__all__ = ["Edit", "Finding", "Fix", "Project", "Site", "Task", "Value", "at", "fix", "on", "slip"]


@dataclass(slots=True)
class Fix:
    """A change that would remove the finding; only safe ones are applied."""

    title: str
    edits: list[Edit] = field(default_factory=list)
    safe: bool = True


@dataclass(slots=True)
class Finding:
    """One mistake at one place; code, name and severity are filled in by whoever runs the rule."""

    path: str
    line: int
    col: int
    message: str
    severity: str = ""
    fix: Fix | None = None
    code: str = ""
    name: str = ""
    end_line: int = 0
    end_col: int = 0
    also: list[str] = field(default_factory=list)


def at(module: Module, place: Any, message: str, severity: str = "", fix: Fix | None = None) -> Finding:
    """A finding at anything that has a line and a column."""
    end_line, end_col = getattr(place, "end_line", 0), getattr(place, "end_col", 0)
    return Finding(
        module.path, place.line, place.col + 1, message, severity, fix, end_line=end_line, end_col=end_col + 1
    )


def on(path: str, line: int, message: str, severity: str = "") -> Finding:
    """A finding in a file that is not Python."""
    return Finding(path, line, 1, message, severity)


def slip(word: str, known: Iterable[str]) -> str | None:
    """The known word that this one is a slip of the fingers away from."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=1, cutoff=0.82)
    return found[0] if found and word not in known else None


def fix(title: str, module: Module, *changes: tuple[int, int, int, int, str], safe: bool = True) -> Fix:
    """A fix from (line, column, end line, end column, text)."""
    return Fix(title, [Edit(module.path, *change) for change in changes], safe)
