"""Test that every safe fix changes only its own bytes, leaves code that parses, and removes its finding at once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from case_files import case_file

from djcelery.edits import Edit, edited
from djcelery.plan import Plan
from djcelery.project.project import Project
from djcelery.rules import Rule, all_rules, judge


def fixed(files: dict[str, str], code: str) -> dict[str, str]:
    """Return the files with every safe fix of a rule applied."""
    findings = [finding for finding in judge(Project.of(dict(files))) if finding.code == code and finding.safe_fix]
    after = dict(files)
    for path in {finding.path for finding in findings}:
        edits = [edit for finding in findings if finding.path == path and finding.fix for edit in finding.fix.edits]
        after[path] = edited(files[path].encode(), edits).decode()
    return after


def fixable() -> list[Rule]:
    return [
        rule for rule in all_rules() if any(finding.safe_fix for finding in judge(Project.of(case_file(rule)), [rule]))
    ]


@pytest.mark.parametrize("rule", fixable(), ids=lambda rule: rule.name)
def test_a_safe_fix_removes_its_finding_and_is_done(rule: Rule) -> None:
    files = {path: str(text) for path, text in case_file(rule).items()}
    once = fixed(files, rule.code)
    assert once != files
    for path, text in once.items():
        if path.endswith(".py"):
            ast.parse(text)
    remaining = [finding for finding in judge(Project.of(dict(once))) if finding.code == rule.code and finding.safe_fix]
    assert remaining == []
    assert fixed(once, rule.code) == once


def test_bytes_outside_the_edit_stay(tmp_path: Path) -> None:
    text = (
        "\ufeff# é\r\nimport celery\r\nx = '\t'   \r\n@celery.shared_task(bind=True)\r\ndef a(self):\r\n\tself.retry()"
    )
    (tmp_path / "a.py").write_bytes(text.encode())
    plan = Plan(tmp_path)
    data = plan.edit("a.py", [Edit("a.py", 6, 1, 6, 1, "raise ")])
    assert data == text.replace("\tself.retry", "\traise self.retry").encode()
