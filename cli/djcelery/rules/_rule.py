"""Define what a rule is: its code, its manual, and what it finds in the text and in the running app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import dedent
from types import ModuleType

from djcelery.findings import SEVERITIES, Finding, Severity
from djcelery.project.project import Project
from djcelery.rules._example import APP, example

RUNTIME_NOTE = "With --introspect, this rule also checks the running app."
# The folder of each section with its title, in the order of the codes: DJC1xx is in the first.
SECTIONS = {
    "transactions": "Transactions and dispatch",
    "arguments": "Arguments",
    "registration": "Definition and registration",
    "failures": "Failure handling",
    "limits": "Time and limits",
    "beat": "Beat",
    "settings": "Settings",
    "queues": "Queues and processes",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold a rule and its manual."""

    code: str
    name: str
    severity: Severity
    section: str
    module: ModuleType

    @property
    def manual(self) -> Manual:
        """Return the docstring of the rule, in its parts."""
        return Manual.of(self.module.__doc__ or "")

    def example(self, text: str) -> dict[str, str | bytes]:
        """Return the files of an example of this rule, with the usual Celery app if the rule needs one."""
        app = APP if getattr(self.module, "NEEDS_APP", False) else {}
        return {**app, **example(text)}

    def find(self, project: Project) -> Iterator[Finding]:
        """Yield the findings in the text, and in the running app if there is one, with code, name and severity."""
        for finding in combined(self.module, project):
            yield replace(finding, code=self.code, name=self.name, severity=finding.severity or self.severity)

    @property
    def principles(self) -> list[str]:
        """Return the ids of the principles and known mistakes that its evidence names."""
        return re.findall(r"\b(?:F\d\d|[STRBCOLDX]\d)\b", self.manual.evidence)

    @property
    def uses_runtime(self) -> bool:
        """Return whether the rule also checks the running app."""
        return hasattr(self.module, "find_at_runtime")


@dataclass(frozen=True, slots=True)
class Manual:
    """Hold the parts of a rule's docstring."""

    title: str
    why: str
    bad: str
    good: str
    evidence: str
    ignore: str

    @classmethod
    def of(cls, text: str) -> Manual:
        """Read the parts; each begins with its heading at the start of a line."""
        parts: dict[str, list[str]] = {}
        heading = "Title"
        for line in dedent(text).strip().split("\n"):
            match = re.match(r"(Why|Bad|Good|Evidence|Ignore it when):\s*(.*)$", line)
            if match:
                heading, line = match[1], match[2]
            parts.setdefault(heading, []).append(line)
        texts = {name: dedent("\n".join(lines)).strip("\n").strip() for name, lines in parts.items()}
        headings = ("Title", "Why", "Bad", "Good", "Evidence", "Ignore it when")
        return cls(*(texts.get(name, "") for name in headings))


def combined(rule: ModuleType, project: Project) -> list[Finding]:
    """Return what the text and the running app show. What both show is reported once, one severity higher.

    If the running app was asked, a rule with RUNTIME_ONLY reports only what the app shows.
    """
    in_text = list(rule.find(project))
    if project.running is None or not hasattr(rule, "find_at_runtime"):
        return in_text
    at_runtime = list(rule.find_at_runtime(project, project.running))
    if getattr(rule, "RUNTIME_ONLY", False):
        return at_runtime
    runtime_places = {(finding.path, finding.line) for finding in at_runtime}
    text_places = {(finding.path, finding.line) for finding in in_text}
    return [
        escalate(finding, rule.SEVERITY) if (finding.path, finding.line) in runtime_places else finding
        for finding in in_text
    ] + [finding for finding in at_runtime if (finding.path, finding.line) not in text_places]


def escalate(finding: Finding, severity: Severity) -> Finding:
    """Return the finding one severity higher than its own, or than the rule's."""
    higher = SEVERITIES[max(SEVERITIES.index(finding.severity or severity) - 1, 0)]
    return replace(finding, severity=higher, message=f"{finding.message}; the running app confirms it")
