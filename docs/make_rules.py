"""Writes docs/rules.md from the manuals of the rules: python docs/make_rules.py

How often each fires is in tests/corpus/counts.json; `--count` reads the corpus again and writes that first.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from djcelery.rules import SECTIONS, Rule, every

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


def page() -> str:
    """The whole page."""
    counted = json.loads(COUNTS.read_text(encoding="utf-8"))
    parts = [HEAD.format(projects=counted["projects"], files=counted["files"])]
    for digit, title in SECTIONS.items():
        rules = [rule for rule in every() if rule.code[3] == digit]
        if rules:
            parts.append(f"## {title}\n\n| code | rule | severity | found |\n|---|---|---|---|\n")
            parts += [line(rule, counted["findings"].get(rule.code, 0)) for rule in rules]
            parts.append("\n")
            parts += [manual(rule) for rule in rules]
    return "".join(parts).rstrip() + "\n"


def line(rule: Rule, count: int) -> str:
    return f"| {rule.code} | [{rule.name}](#{rule.code.lower()}-{rule.name}) | {rule.severity} | {count} |\n"


def manual(rule: Rule) -> str:
    held = rule.manual
    return (
        f"### {rule.code} {rule.name}\n\n{held.title}\n\n{held.why}\n\n"
        f"Bad:\n\n```python\n{held.bad}\n```\n\nGood:\n\n```python\n{held.good}\n```\n\n"
        f"Evidence: {held.evidence}\n\nIgnore it when: {held.ignore}\n\n"
    )


def count() -> str:
    """How often each rule fires in the corpus, as JSON."""
    sys.path.insert(0, str(CORPUS))
    import fetch
    from djcelery.checking.run import run

    reports = [run(str(folder), cached=False) for folder in fetch.everything().values()]
    findings = Counter(row["code"] for report in reports for row in report.rows)
    held = {
        "projects": len(reports),
        "files": sum(report.files for report in reports),
        "findings": dict(sorted(findings.items())),
    }
    return json.dumps(held, indent=1) + "\n"


if __name__ == "__main__":
    if "--count" in sys.argv:
        COUNTS.write_text(count(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
