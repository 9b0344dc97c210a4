"""Run a check: list the files, ask the cache or else read and judge them, then apply the `# noqa` comments."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from djcelery.checking.cache import Cache, fingerprint
from djcelery.checking.kept_contents import KeptContents
from djcelery.findings import Finding, unique
from djcelery.project.files import UNSAVED, Tree

if TYPE_CHECKING:
    from djcelery.project.project import Project
    from djcelery.project.running import Running


@dataclass(frozen=True, slots=True)
class Report:
    """Hold all findings of a run, at every severity and for every path, and how much was read for them."""

    findings: list[Finding]
    python_files: int
    read_paths: list[str]
    outside: list[str]  # links out of the root, which are not followed
    understood: dict[str, int]  # how much of the project was recognised

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        findings = [finding.as_json() for finding in self.findings]
        counted = {"python_files": self.python_files, "read_paths": self.read_paths, "outside": self.outside}
        return {"findings": findings, **counted, "understood": self.understood}

    @classmethod
    def from_json(cls, data: Any) -> Report:
        """Return the report that `as_json` was called on."""
        findings = [Finding.from_json(finding) for finding in data["findings"]]
        return cls(findings, data["python_files"], data["read_paths"], data["outside"], data["understood"])


def run(
    root: str,
    exclude: tuple[str, ...] = (),
    use_cache: bool = True,
    running: Running | None = None,
    cache_dir: str = "",
    unsaved: dict[str, bytes] | None = None,
) -> Report:
    """Check the code base below a folder, together with the running app if it was asked.

    `unsaved` holds the contents of files that count instead of what is on disk, by their paths below the root.
    """
    tree = Tree(root, unsaved=unsaved)
    cache = Cache(root, tool_version(), use_cache, cache_dir)
    contents = KeptContents(cache)
    tree.entries = contents.recall(tree.scan(exclude), tree)
    tree.read_paths.clear()  # from here on, for what is found in them
    key = fingerprint(tree.entries, *exclude, repr((tree.aliases, tree.outside, tree.read_errors)))
    is_repeatable = running is None and not unsaved
    known = cache.get("findings", key) if is_repeatable else None
    if known is not None:
        return Report.from_json(known)
    report = read_and_judge(tree, cache, running)
    if cache.enabled:
        contents.keep(tree, set(tree.read_paths))
    if is_repeatable:
        cache.put("findings", report.as_json(), key)
    return report


def tool_version() -> str:
    """Return the version of djcelery, of its files, which change without it during development, and of Python."""
    import djcelery

    home = os.path.dirname(djcelery.__file__)
    newest = 0
    for folder in ("project", "rules", "checking"):
        for path, _, names in os.walk(os.path.join(home, folder)):
            times = [os.stat(os.path.join(path, name)).st_mtime_ns for name in names if name.endswith(".py")]
            newest = max([newest, *times])
    return f"{djcelery.__version__}-{newest}-{sys.implementation.cache_tag}"


def read_and_judge(tree: Tree, cache: Cache, running: Running | None) -> Report:
    """Read the files that changed, take the answers of the others from the cache, and judge them."""
    import gc

    from djcelery.checking.kept_answers import KeptAnswers
    from djcelery.project.loading import load
    from djcelery.project.project import Project

    gc.disable()  # a short run with millions of small objects that all stay
    kept = KeptAnswers(cache)
    tree.answers = kept.recall(tree)
    modules = load(tree)
    python_files = sum(entry.path.endswith(".py") for entry in tree.entries)
    project = Project(tree, modules, running)
    findings = findings_of(project)
    if cache.enabled:
        kept.keep(tree)
    read_paths = [module.path for module in modules]
    return Report(findings, python_files, read_paths, tree.outside, count_understood(project))


def count_understood(project: Project) -> dict[str, int]:
    """Count what was recognised in a project outside of its tests, and the files that import celery."""
    from djcelery.project.context import is_test

    sites = project.sites
    importing = [
        module
        for module in project.modules
        if not is_test(module.path) and any(name.partition(".")[0] == "celery" for name in module.imported)
    ]
    return {
        "tasks": len(project.own_tasks),
        "apps": len(project.own_apps),
        "settings": len(project.settings),
        "sites": sum(site.task is not None for site in sites),
        "unknown_sites": sum(site.task is None and not site.canvas for site in sites),
        "importing": len(importing),
    }


def findings_of(project: Project) -> list[Finding]:
    """Return the findings of a project: without the silenced ones, with unreadable files and unused comments."""
    from djcelery.checking.silence import silence

    findings = silence(project, judge_each(project))
    findings += [unreadable(path, 1, reason) for path, reason in project.tree.read_errors]
    findings += [
        unreadable(entry.path, 1, reason)
        for entry in project.tree.entries
        if entry.mtime == UNSAVED and (reason := why_undecodable(project.tree.read(entry.path)))
    ]
    findings += [
        unreadable(module.path, module.read_error_line, module.read_error)
        for module in [*project.modules, *project.extra_modules]
        if module.read_error
    ]
    return unique(in_characters(project, findings))


def judge_each(project: Project) -> list[Finding]:
    """Return what each rule finds. A rule that fails is named in a finding, and the others go on."""
    from djcelery.rules import all_rules, judge

    findings: list[Finding] = []
    for rule in all_rules():
        try:
            findings += judge(project, [rule])
        except Exception as error:
            if os.environ.get("DJCELERY_TRACEBACK"):
                raise
            why = f"{rule.code} failed: this is a bug in djcelery, please report it: {type(error).__name__}"
            findings.append(Finding(".", 1, 1, why, "warning", code="DJC003", name="failed-rule"))
    return unique(findings)


def unreadable(path: str, line: int, reason: str) -> Finding:
    """Return the finding for a file that cannot be checked."""
    return Finding(path, line, 1, f"not checked: {reason}", "warning", code="DJC001", name="unreadable-file")


def why_undecodable(data: bytes) -> str:
    """Return why bytes are no text, empty if they are."""
    from djcelery.project.reader.grammar import Unreadable, decode

    try:
        decode(data)
    except Unreadable as error:
        return str(error)
    return ""


def in_characters(project: Project, findings: list[Finding]) -> list[Finding]:
    """Return the findings with columns in characters; syntax trees and edits count the bytes of a line."""
    lines: dict[str, list[bytes]] = {}
    for path in {finding.path for finding in findings}:
        lines[path] = lines_with_wide_characters(project, path)
    return [
        replace(
            finding,
            col=column_in_characters(lines[finding.path], finding.line, finding.col),
            end_col=column_in_characters(lines[finding.path], finding.end_line, finding.end_col),
        )
        if lines[finding.path]
        else finding
        for finding in findings
    ]


def column_in_characters(lines: list[bytes], line: int, col: int) -> int:
    """Return the column in characters that a column in bytes is."""
    if not 0 < line <= len(lines):
        return col
    before = lines[line - 1][: col - 1]
    return col - len(before) + len(before.decode("utf-8", "ignore"))


def lines_with_wide_characters(project: Project, path: str) -> list[bytes]:
    """Return the lines of a file in which some characters take several bytes, and none for any other file."""
    from djcelery.project.reader.grammar import Unreadable, decode

    try:
        text = decode(project.tree.read(path)).removeprefix("\ufeff")
    except (OSError, Unreadable):
        return []
    return [] if text.isascii() else [line.encode("utf-8", "replace") for line in text.split("\n")]
