"""The rules: one file each, found by being here. A rule has CODE, SEVERITY, a manual as its docstring, and find()."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent
from typing import Any

from djcelery.project.project import Project
from djcelery.rules._base import Finding

SEVERITIES = ("error", "warning", "hint")
ASKS = "With --introspect this rule asks the running app, too."
SECTIONS = {
    "0": "About the check itself",
    "1": "Transactions and dispatch",
    "2": "Arguments",
    "3": "Definition and registration",
    "4": "Failure handling",
    "5": "Time and limits",
    "6": "Beat",
    "7": "Settings",
    "8": "Queues and processes",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and its manual."""

    code: str
    name: str
    severity: str
    module: Any

    @property
    def manual(self) -> Manual:
        """The docstring, in its parts."""
        return Manual.of(self.module.__doc__ or "")

    def find(self, project: Project) -> Iterator[Finding]:
        """The findings of this rule, labelled: of the text, and of the running app where it was asked."""
        for finding in agreed(self.module, project):
            yield replace(finding, code=self.code, name=self.name, severity=finding.severity or self.severity)

    @property
    def holds(self) -> list[str]:
        """The ids of the principles and known mistakes that its evidence names."""
        return re.findall(r"\b(?:F\d\d|[STRBCOLDX]\d)\b", self.manual.evidence)

    @property
    def asks(self) -> bool:
        """Whether it asks the running app too."""
        return hasattr(self.module, "told")


@dataclass(frozen=True, slots=True)
class Manual:
    """The parts of a rule's docstring."""

    title: str
    why: str
    bad: str
    good: str
    evidence: str
    ignore: str

    @classmethod
    def of(cls, text: str) -> Manual:
        """Read the parts; each begins with its word at the start of a line."""
        lines = dedent(text).strip().split("\n")
        parts: dict[str, list[str]] = {}
        current = "Title"
        for line in lines:
            found = re.match(r"(Why|Bad|Good|Evidence|Ignore it when):\s*(.*)$", line)
            if found:
                current, line = found[1], found[2]
            parts.setdefault(current, []).append(line)
        joined = {key: dedent("\n".join(each)).strip("\n") for key, each in parts.items()}
        names = ("Title", "Why", "Bad", "Good", "Evidence", "Ignore it when")
        return cls(*(joined.get(name, "").strip() for name in names))


def agreed(rule: Any, project: Project) -> list[Finding]:
    """What the text and the running app say; what both say is graver, and is told once.

    A rule that is DECIDED by the running app says only what that says, once it was asked.
    """
    found = list(rule.find(project))
    if project.running is None or not hasattr(rule, "told"):
        return found
    told = list(rule.told(project, project.running))
    if getattr(rule, "DECIDED", False):
        found = []
    places = {(each.path, each.line) for each in told}
    for each in found:
        if (each.path, each.line) in places:
            each.severity = graver(each.severity or rule.SEVERITY)
            each.message += "; the running app says so too"
    seen = {(each.path, each.line) for each in found}
    return found + [each for each in told if (each.path, each.line) not in seen]


def graver(severity: str) -> str:
    """One step up."""
    return SEVERITIES[max(SEVERITIES.index(severity) - 1, 0)]


@cache
def every() -> tuple[Rule, ...]:
    """All rules by code."""
    found = []
    for info in iter_modules(__path__):
        if not info.name.startswith("_"):
            module = import_module(f"{__name__}.{info.name}")
            found.append(Rule(module.CODE, info.name.replace("_", "-"), module.SEVERITY, module))
    return tuple(sorted(found, key=lambda rule: rule.code))


def judge(project: Project, rules: Iterable[Rule] | None = None) -> list[Finding]:
    """Everything the rules find, in the order of the text."""
    found = [finding for rule in (every() if rules is None else rules) for finding in rule.find(project)]
    unique = {(each.path, each.line, each.col, each.code, each.message): each for each in found}
    return sorted(unique.values(), key=lambda each: (each.path, each.line, each.col, each.code))


def example(text: str, path: str = "shop/tasks.py") -> dict[str, str | bytes]:
    """The files of an example: a line `# some/file.py` begins a new one."""
    files: dict[str, list[str]] = {}
    for line in text.split("\n"):
        named = re.fullmatch(r"# ((?:[\w.-]+/)*(?:[\w@-]+\.(?:py|ya?ml|toml|service)|Procfile))", line.strip())
        if named:
            path = named[1]
            continue
        files.setdefault(path, []).append(line)
    return {
        name: "\n".join(lines).strip("\n") + "\n"
        for name, lines in files.items()
        if "".join(lines).strip() or name.endswith("__init__.py")
    }
