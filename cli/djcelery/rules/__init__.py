"""Load the rules of `djcelery check`: one file per rule, in one folder per section.

A rule is a module with `CODE`, `SEVERITY`, a manual as its docstring, and `find(project)`. It may have
`find_at_runtime(project, running)` for what the running app knows, `RUNTIME_ONLY` if the running app decides, and
`NEEDS_APP` if its examples need a Celery app: they then contain the usual one without showing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from djcelery.findings import SEVERITIES, Finding, unique
from djcelery.project.project import Project
from djcelery.rules._example import example
from djcelery.rules._rule import RUNTIME_NOTE, SECTIONS, Manual, Rule

__all__ = ["RUNTIME_NOTE", "SECTIONS", "SEVERITIES", "Manual", "Rule", "all_rules", "example", "judge"]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return all rules, ordered by code."""
    rules = []
    for section in SECTIONS:
        package = import_module(f"{__name__}.{section}")
        for info in iter_modules(package.__path__):
            module = import_module(f"{package.__name__}.{info.name}")
            rules.append(Rule(module.CODE, info.name.replace("_", "-"), module.SEVERITY, section, module))
    return tuple(sorted(rules, key=lambda rule: rule.code))


def judge(project: Project, rules: Iterable[Rule] | None = None) -> list[Finding]:
    """Return everything that the rules find, in the order of the text."""
    return unique(finding for rule in (all_rules() if rules is None else rules) for finding in rule.find(project))
