"""Test every rule against its own manual and its own case file."""

from __future__ import annotations

import re

import pytest
from case_files import CASES, case_file

from djcelery.project.project import Project
from djcelery.rules import SECTIONS, SEVERITIES, Rule, all_rules, judge

by_name = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)


def codes(files: dict[str, str | bytes]) -> set[str]:
    return {finding.code for finding in judge(Project.of(files))}


@by_name
def test_the_bad_example_breaks_this_rule_and_only_it(rule: Rule) -> None:
    assert codes(rule.example(rule.manual.bad)) == {rule.code}


@by_name
def test_the_good_example_is_clean(rule: Rule) -> None:
    assert codes(rule.example(rule.manual.good)) == set()


@by_name
def test_the_manual_is_whole(rule: Rule) -> None:
    manual = rule.manual
    assert manual.title
    assert "\n" not in manual.title
    assert manual.why
    assert manual.evidence
    assert manual.ignore
    assert rule.severity in SEVERITIES
    assert rule.section == [*SECTIONS][int(rule.code[3]) - 1]


@by_name
def test_the_marked_lines_of_the_case_file_are_found_and_no_others(rule: Rule) -> None:
    files = case_file(rule)
    places = {(finding.path, finding.line) for finding in judge(Project.of(files)) if finding.code == rule.code}
    assert places == marked(files, rule.code)


def marked(files: dict[str, str | bytes], code: str) -> set[tuple[str, int]]:
    return {
        (path, number)
        for path, text in files.items()
        for number, line in enumerate(str(text).split("\n"), 1)
        if re.search(rf"# .*\b{code}\b", line) and "noqa" not in line
    }


def test_codes_are_unique_and_in_order() -> None:
    codes_in_order = [rule.code for rule in all_rules()]
    assert codes_in_order == sorted(set(codes_in_order))
    assert all(re.fullmatch(r"DJC\d{3}", code) for code in codes_in_order)


def test_every_case_file_belongs_to_a_rule() -> None:
    files = {path.relative_to(CASES).as_posix() for path in CASES.rglob("*.py")}
    assert files == {f"{rule.section}/{rule.name.replace('-', '_')}.py" for rule in all_rules()}
