"""Writes docs/rules.md from the manuals of the rules: python docs/make_rules.py

How often each fires is in tests/corpus/counts.json; `--count` reads the corpus again and writes that first.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from djcelery.rules import RUNTIME_NOTE, SECTIONS, Rule, all_rules

PAGE = Path(__file__).parent / "rules.md"
CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
COUNTS = CORPUS / "counts.json"

HEAD = """\
# The rules

<!-- Written by docs/make_rules.py from the rules; a test keeps it true. Change the rules. -->

`djcelery check` reads a Django + Celery code base and never runs it. Errors are certain and wrong; warnings are certain
and nearly always wrong; hints are worth a look, and shown with `--severity hint`. `djcelery check --explain DJC101`
prints one of these manuals. Two codes come from the check itself: DJC001 for a file that cannot be read, and DJC002 for
a `# noqa: DJC...` that silences nothing.

The last column counts findings in {projects} released applications that no one here wrote ({files} Python files,
listed in tests/corpus/corpus.toml).

"""

COVERAGE = """\
## Principles and known mistakes

The evidence of a rule names the principle (S1 to X2) or the known mistake (F01 to F85) that it is there for. What no
rule can decide stands here with the reason.

| id | rules |
|---|---|
"""
PRINCIPLES = "S1 S2 S3 T1 T2 T3 T4 R1 R2 R3 B1 B2 B3 C1 C2 C3 O1 O2 O3 L1 L2 D1 D2 D3 D4 X1 X2".split()
MISTAKES = [f"F{number:02}" for number in range(1, 86)]
UNDECIDED = {
    "O3": "none: whether the broker answers, and how much waits in it, is seen only while it runs",
    "F64": "none: that the time zone has changed since an entry last ran is known to the scheduler's own store",
    "F76": "none: the eviction policy is a setting of the Redis server; ask it: `CONFIG GET maxmemory-policy`",
    "F81": "none: how long a server keeps a connection that nobody uses is its own setting",
    "F82": "none: a worker that waits on a dead connection is seen from outside only, by a health check",
}


def page() -> str:
    """The whole page."""
    counted = json.loads(COUNTS.read_text(encoding="utf-8"))
    parts = [HEAD.format(projects=counted["projects"], files=counted["files"])]
    for section, title in SECTIONS.items():
        rules = [rule for rule in all_rules() if rule.section == section]
        if rules:
            parts.append(f"## {title}\n\n| code | rule | severity | found |\n|---|---|---|---|\n")
            parts += [line(rule, counted["findings"].get(rule.code, 0)) for rule in rules]
            parts.append("\n")
            parts += [manual(rule) for rule in rules]
    return "".join([*parts, COVERAGE, *coverage()]).rstrip() + "\n"


def coverage() -> list[str]:
    """The lines of the table of principles and known mistakes."""
    held: dict[str, list[str]] = {}
    for rule in all_rules():
        for each in rule.principles:
            held.setdefault(each, []).append(f"[{rule.code}](#{rule.code.lower()}-{rule.name})")
    return [f"| {each} | {', '.join(held.get(each, [])) or UNDECIDED[each]} |\n" for each in (*PRINCIPLES, *MISTAKES)]


def line(rule: Rule, count: int) -> str:
    return f"| {rule.code} | [{rule.name}](#{rule.code.lower()}-{rule.name}) | {rule.severity} | {count} |\n"


def manual(rule: Rule) -> str:
    held = rule.manual
    return (
        f"### {rule.code} {rule.name}\n\n{held.title}\n\n{held.why}\n\n"
        f"Bad:\n\n```python\n{held.bad}\n```\n\nGood:\n\n```python\n{held.good}\n```\n\n"
        f"Evidence: {held.evidence}\n\nIgnore it when: {held.ignore}\n\n"
        + (f"{RUNTIME_NOTE}\n\n" if rule.uses_runtime else "")
    )


def count() -> str:
    """How often each rule fires in the corpus, as JSON."""
    sys.path.insert(0, str(CORPUS))
    import fetch
    from djcelery.checking.run import run

    reports = [run(str(folder), use_cache=False) for folder in fetch.everything().values()]
    findings = Counter(finding.code for report in reports for finding in report.findings)
    held = {
        "projects": len(reports),
        "files": sum(report.python_files for report in reports),
        "findings": dict(sorted(findings.items())),
    }
    return json.dumps(held, indent=1) + "\n"


if __name__ == "__main__":
    if "--count" in sys.argv:
        COUNTS.write_text(count(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
