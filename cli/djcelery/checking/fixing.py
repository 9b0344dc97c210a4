"""Apply fixes: plan them in memory, parse the files again, and keep only those after which a file still parses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djcelery.checking.options import Options
from djcelery.checking.run import Report, run
from djcelery.checking.scope import Scope
from djcelery.checking.selection import selected
from djcelery.edits import Edit
from djcelery.findings import Finding
from djcelery.journal import Journal
from djcelery.plan import Plan

if TYPE_CHECKING:
    from djcelery.project.running import Running

Unsaved = dict[str, bytes]  # contents of files, by path below the root
ROUNDS = 5  # a fix may make room for another one


class Fixed(NamedTuple):
    """Hold the report after the fixes, and the files that they changed, in order."""

    report: Report
    paths: list[str]


def apply_fixes(report: Report, options: Options, scope: Scope, running: Running | None, unsafe: bool = False) -> Fixed:
    """Apply the safe fixes or, with `unsafe`, all of them; check again, and repeat while there are more."""
    changed: dict[str, None] = {}
    for _ in range(ROUNDS):
        plan = plan_fixes(scope.root, selected(report.findings, options, scope), unsafe)
        if not plan.changed:
            break
        write(plan)
        changed |= dict.fromkeys(plan.changed)
        report = run(scope.root, options.exclude, use_cache=False, running=running)
    return Fixed(report, [*changed])


def write(plan: Plan) -> None:
    """Write all files of a plan or, if the process is killed, none: the next run takes back what was written."""
    if len(plan.changed) == 1:
        plan.apply()  # one file is written in one step
    else:
        Journal(plan.root).apply(plan, "djcelery check --fix")


def fix_unsaved(
    unsaved: Unsaved, options: Options, scope: Scope, check: Callable[[Unsaved], Report], unsafe: bool = False
) -> tuple[Report, Unsaved]:
    """Return the report and the contents of unsaved files after the fixes, which go on as in `apply_fixes`.

    Nothing is written, so a fix that changes other files, too, is left out.
    """
    report = check(unsaved)
    for _ in range(ROUNDS):
        findings = [finding for finding in selected(report.findings, options, scope) if changes_only(finding, unsaved)]
        plan = plan_fixes(scope.root, findings, unsafe, unsaved)
        if not plan.changed:
            break
        unsaved = {path: plan.after[path] or b"" for path in unsaved}
        report = check(unsaved)
    return report, unsaved


def plan_unsaved(root: str, before: Unsaved, after: Unsaved) -> Plan:
    """Return the plan that turns the contents of unsaved files into others."""
    plan = Plan(Path(root))
    plan.before |= before
    plan.after |= after
    return plan


def changes_only(finding: Finding, paths: Iterable[str]) -> bool:
    """Return whether the fix of a finding changes no other files than these."""
    return finding.fix is not None and {edit.path for edit in finding.fix.edits} <= set(paths)


def plan_fixes(root: str, findings: Iterable[Finding], unsafe: bool = False, unsaved: Unsaved | None = None) -> Plan:
    """Return the plan that all safe fixes or, with `unsafe`, all fixes make together."""
    plan = plan_unsaved(root, unsaved or {}, unsaved or {})
    edits: dict[str, list[Edit]] = {}
    for finding in findings:
        fix = finding.safe_fix or (finding.unsafe_fix if unsafe else None)
        for edit in fix.edits if fix else ():
            edits.setdefault(edit.path, []).append(edit)
    for path, edits_of_file in edits.items():
        plan_file(plan, path, edits_of_file)
    return plan


def plan_file(plan: Plan, path: str, edits: list[Edit]) -> None:
    """Plan all edits of one file, or else those after which it parses. A file that is not editable stays as it is."""
    if not is_editable(plan, path):
        return
    after = plan.edit(path, edits)
    if parses(after):
        plan.write(path, after)
        return
    for edit in sorted(edits, reverse=True):
        after = plan.edit(path, [edit])
        if parses(after):
            plan.write(path, after)


def is_editable(plan: Plan, path: str) -> bool:
    """Return whether a file is below the root, and the places of the facts are those of its bytes.

    They are for UTF-8 and ordinary line ends.
    """
    try:
        data = plan.read(path)
        data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return b"\r" not in data.replace(b"\r\n", b"") and b"coding" not in data[:200].split(b"\n", 2)[0]


def parses(data: bytes) -> bool:
    """Return whether a text is Python."""
    from djcelery.project.reader.grammar import Unreadable, decode, parse

    try:
        parse(decode(data))
    except Unreadable:
        return False
    return True
