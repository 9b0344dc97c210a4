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
- A **hint** is worth a look. Hints are shown only with `--severity hint`.

Below, each rule says why its finding matters and shows bad and good code. `djcelery check --explain DJC101` prints the
same for one rule. Three codes come from the check itself: DJC001 for a file that cannot be read, DJC002 for a
`# noqa: DJC...` that silences nothing, and DJC003 for a rule that failed. The ids in *Evidence* are explained
[at the end](#principles-and-known-mistakes).

If an example does not create a Celery app, imagine it in a project with the app of Celery's
[First steps with Django](https://docs.celeryq.dev/en/stable/django/first-steps-with-django.html).

The last column of each table counts the findings in {projects} released applications that other people wrote
({files:,} Python files, listed in `tests/corpus/corpus.toml`).

"""

COVERAGE = """\
## Principles and known mistakes

The evidence of each rule names the principle (S1 to X2) or the known mistake (F01 to F85) that it checks.

| id | principle | rules |
|---|---|---|
{principles}
A known mistake is what its rules find. Where no rule can decide, the table says why.

| id | rules |
|---|---|
{mistakes}"""
PRINCIPLES = {
    "S1": "A project has one Celery app, which finds the tasks of all installed apps.",
    "S2": "Redis suits most work. Priorities and dead-lettering by the broker need RabbitMQ.",
    "S3": "Results are stored only where code reads them.",
    "T1": "Tasks are `@shared_task` functions in the `tasks` module of their app.",
    "T2": "A task is safe to run twice.",
    "T3": "Arguments are ids and plain values, not objects.",
    "T4": "A task fetches its rows itself, and ends cleanly if they are gone.",
    "R1": "Transient errors are retried: a limited number of times, with growing and random delays.",
    "R2": "An error that will occur again is not retried.",
    "R3": "Work that must not be lost is acknowledged late, and comes back if its process is killed.",
    "B1": "Beat owns the schedule, and every entry fits its task.",
    "B2": "One Beat sends at a time.",
    "B3": "A schedule that people edit is in the database, and only there.",
    "C1": "Each class of work has its own queue and its own workers.",
    "C2": "Workers of long tasks do not prefetch.",
    "C3": "Workers keep no state between tasks.",
    "O1": "Failures are reported to somebody.",
    "O2": "Every log line of a task names the task.",
    "O3": "The broker and the lengths of the queues are watched.",
    "L1": "Only tests run tasks inline.",
    "L2": "A developer's machine does not use the production broker.",
    "D1": "Arguments are small.",
    "D2": "A request sends tasks. It neither runs them nor waits for them.",
    "D3": "A request does no slow work itself.",
    "D4": "A task does not swallow exceptions.",
    "X1": "A task is sent after the commit.",
    "X2": "Every task has a time limit, and the visibility timeout is longer than any limit or countdown.",
}
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
    return "".join([*parts, coverage()]).rstrip() + "\n"


def coverage() -> str:
    """Return the section with the tables of principles and known mistakes."""
    links: dict[str, list[str]] = {}
    for rule in all_rules():
        for principle in rule.principles:
            links.setdefault(principle, []).append(f"[{rule.code}](#{rule.code.lower()}-{rule.name})")
    rows = {name: ", ".join(links.get(name, [])) or UNDECIDED[name] for name in (*PRINCIPLES, *MISTAKES)}
    return COVERAGE.format(
        principles="".join(f"| {name} | {text} | {rows[name]} |\n" for name, text in PRINCIPLES.items()),
        mistakes="".join(f"| {name} | {rows[name]} |\n" for name in MISTAKES),
    )


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

    reports = [run(str(folder)) for folder in fetch.everything().values()]
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
