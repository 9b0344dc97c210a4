"""Provide what all rules import: the types that they work with, and functions that make a finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from djcelery.edits import Edit
from djcelery.findings import Finding, Fix, OptionalSeverity
from djcelery.project.dispatch_sites import Site
from djcelery.project.facts import Module, Value
from djcelery.project.project import Project
from djcelery.project.tasks import Task

__all__ = [
    "Edit",
    "Finding",
    "Fix",
    "OptionalSeverity",
    "Project",
    "Site",
    "Task",
    "Value",
    "at",
    "closest_typo",
    "fix",
    "on",
]


def at(module: Module, place: Any, message: str, severity: OptionalSeverity = "", fix: Fix | None = None) -> Finding:
    """Return a finding at anything that has a line and a column."""
    end_line, end_col = getattr(place, "end_line", 0), getattr(place, "end_col", 0)
    return Finding(
        module.path, place.line, place.col + 1, message, severity, fix, end_line=end_line, end_col=end_col + 1
    )


def on(path: str, line: int, message: str, severity: OptionalSeverity = "") -> Finding:
    """Return a finding in a file that is not Python."""
    return Finding(path, line, 1, message, severity)


def closest_typo(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that this one is a typing mistake away from."""
    from difflib import get_close_matches

    matches = get_close_matches(word, list(known), n=1, cutoff=0.82)
    return matches[0] if matches and word not in known else None


def fix(title: str, module: Module, *changes: tuple[int, int, int, int, str], safe: bool = True) -> Fix:
    """Return a fix made of changes, each of them (line, column, end line, end column, text)."""
    return Fix(title, tuple(Edit(module.path, *change) for change in changes), safe and bool(changes))
