"""Read the case file of a rule: code in which each line that the rule must find is marked with its code."""

from __future__ import annotations

from pathlib import Path

from djcelery.rules import Rule

CASES = Path(__file__).parent / "cases"


def case_file(rule: Rule) -> dict[str, str | bytes]:
    """Return the files in the case file of a rule."""
    return rule.example((CASES / rule.section / f"{rule.name.replace('-', '_')}.py").read_text())
