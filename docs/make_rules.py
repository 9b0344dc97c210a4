"""Write docs/rules.md from the manuals of the rules: python docs/make_rules.py

tests/corpus/counts.json says how often each rule fires. `--count` checks the corpus again and writes that file first.
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

<!-- Written by docs/make_rules.py from the rules. To change this page, change the rules. -->

`djcelery check` reads a Django + Celery code base and never runs it. Each finding has a severity:

- An **error** is certain, and the code is wrong.
- A **warning** is certain, and the code is nearly always wrong.
- A **hint** is worth a look. Hints are shown with `--severity hint`.

`djcelery check --explain DJC101` prints one of the manuals below. Three codes come from the check itself: DJC001
for a file that cannot be read, DJC002 for a `# noqa: DJC...` that silences nothing, and DJC003 for a rule that failed.

An example that starts no Celery app of its own stands in a project with the app of Celery's
[First steps with Django](https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html).

The last column of each table counts the findings in {projects} released applications that were written by others
({files} Python files, listed in tests/corpus/corpus.toml).

"""

COVERAGE = """\
## Principles and known mistakes

The evidence of each rule names the principle (S1 to X2) or the known mistake (F01 to F85) that it checks. This table
lists the rules for each of them, and the reason where no rule can decide.

| id | rules |
|---|---|
"""
PRINCIPLES = "S1 S2 S3 T1 T2 T3 T4 R1 R2 R3 B1 B2 B3 C1 C2 C3 O1 O2 O3 L1 L2 D1 D2 D3 D4 X1 X2".split()
MISTAKES = [f"F{number:02}" for number in range(1, 86)]
UNDECIDED = {
    "O3": "none: only a running system shows whether the broker answers and how many messages wait",
    "F64": "none: only the scheduler's own store shows that the time zone has changed since an entry last ran",
    "F76": "none: the eviction policy is a setting of the Redis server; run `CONFIG GET maxmemory-policy`",
    "F81": "none: how long a server keeps an idle connection is a setting of that server",
    "F82": "none: only a health check from outside notices a worker that waits on a dead connection",
}


def page() -> str:
    """Return the whole page."""
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    parts = [HEAD.format(projects=counts["projects"], files=counts["files"])]
    for section, title in SECTIONS.items():
        rules = [rule for rule in all_rules() if rule.section == section]
        if rules:
            parts.append(f"## {title}\n\n| code | rule | severity | found |\n|---|---|---|---|\n")
            parts += [line(rule, counts["findings"].get(rule.code, 0)) for rule in rules]
            parts.append("\n")
            parts += [manual(rule) for rule in rules]
    return "".join([*parts, COVERAGE, *coverage()]).rstrip() + "\n"


def coverage() -> list[str]:
    """Return the rows of the table of principles and known mistakes."""
    links: dict[str, list[str]] = {}
    for rule in all_rules():
        for principle in rule.principles:
            links.setdefault(principle, []).append(f"[{rule.code}](#{rule.code.lower()}-{rule.name})")
    rows = {principle: ", ".join(links.get(principle, [])) for principle in (*PRINCIPLES, *MISTAKES)}
    return [f"| {principle} | {row or UNDECIDED[principle]} |\n" for principle, row in rows.items()]


def line(rule: Rule, count: int) -> str:
    """Return the row of a rule in the table of its section."""
    return f"| {rule.code} | [{rule.name}](#{rule.code.lower()}-{rule.name}) | {rule.severity} | {count} |\n"


def manual(rule: Rule) -> str:
    """Return the manual of a rule."""
    parts = rule.manual
    return (
        f"### {rule.code} {rule.name}\n\n{parts.title}\n\n{parts.why}\n\n"
        f"Bad:\n\n```python\n{parts.bad}\n```\n\nGood:\n\n```python\n{parts.good}\n```\n\n"
        f"Evidence: {parts.evidence}\n\nIgnore it when: {parts.ignore}\n\n"
        + (f"{RUNTIME_NOTE}\n\n" if rule.uses_runtime else "")
    )


def count() -> str:
    """Return how often each rule fires in the corpus, as JSON."""
    sys.path.insert(0, str(CORPUS))
    import fetch

    from djcelery.checking.run import run

    reports = [run(str(folder), use_cache=False) for folder in fetch.everything().values()]
    findings = Counter(finding.code for report in reports for finding in report.findings)
    counts = {
        "projects": len(reports),
        "files": sum(report.python_files for report in reports),
        "findings": dict(sorted(findings.items())),
    }
    return json.dumps(counts, indent=1) + "\n"


if __name__ == "__main__":
    if "--count" in sys.argv:
        COUNTS.write_text(count(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
