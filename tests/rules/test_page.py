"""Test that the page about the rules is the one that its script writes."""

from __future__ import annotations

import sys
from pathlib import Path

from djcelery.rules import all_rules

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_its_script_writes() -> None:
    sys.path.insert(0, str(DOCS))
    import make_rules

    assert make_rules.page() == make_rules.PAGE.read_text(encoding="utf-8"), "run: python docs/make_rules.py"


def test_each_principle_and_each_known_mistake_has_a_rule_or_a_reason() -> None:
    sys.path.insert(0, str(DOCS))
    import make_rules

    named = {principle for rule in all_rules() for principle in rule.principles}
    wanted = {*make_rules.PRINCIPLES, *make_rules.MISTAKES}
    assert named - wanted == set()
    assert wanted - named == set(make_rules.UNDECIDED)


def test_the_readme_counts_the_rules() -> None:
    assert f"{len(all_rules())} rules about background jobs" in (DOCS.parent / "README.md").read_text()
