"""Every safe fix: byte-exact outside the edit, parses, removes its finding, and comes to an end."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from djcelery.plan import Edit, Plan
from djcelery.project.project import Project
from djcelery.rules import Rule, every, example, judge

CASES = Path(__file__).parent / "cases"


def fixed(files: dict[str, str], code: str) -> dict[str, str]:
    """The files with every safe fix of a rule applied."""
    found = [each for each in judge(Project.of(dict(files))) if each.code == code and each.fix and each.fix.safe]
    after = dict(files)
    for path in {each.path for each in found}:
        plan = Plan(Path())
        plan.before[path] = plan.after[path] = files[path].encode()
        edits: list[Edit] = [edit for each in found if each.path == path and each.fix for edit in each.fix.edits]
        after[path] = plan.edit(path, edits).decode()
    return after


def fixable() -> list[Rule]:
    return [
        rule
        for rule in every()
        if any(
            each.fix and each.fix.safe and each.fix.edits
            for each in judge(Project.of(example((CASES / f"{rule.name.replace('-', '_')}.py").read_text())), [rule])
        )
    ]


@pytest.mark.parametrize("rule", fixable(), ids=lambda rule: rule.name)
def test_a_safe_fix_removes_its_finding_and_is_done(rule: Rule) -> None:
    files = {
        path: str(text) for path, text in example((CASES / f"{rule.name.replace('-', '_')}.py").read_text()).items()
    }
    once = fixed(files, rule.code)
    assert once != files
    for path, text in once.items():
        if path.endswith(".py"):
            ast.parse(text)
    left = [each for each in judge(Project.of(dict(once))) if each.code == rule.code and each.fix and each.fix.safe]
    assert left == []
    assert fixed(once, rule.code) == once


def test_bytes_outside_the_edit_stay(tmp_path: Path) -> None:
    text = (
        "\ufeff# é\r\nimport celery\r\nx = '\t'   \r\n@celery.shared_task(bind=True)\r\ndef a(self):\r\n\tself.retry()"
    )
    (tmp_path / "a.py").write_bytes(text.encode())
    plan = Plan(tmp_path)
    data = plan.edit("a.py", [Edit("a.py", 6, 1, 6, 1, "raise ")])
    assert data == text.replace("\tself.retry", "\traise self.retry").encode()
