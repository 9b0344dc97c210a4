"""Test the words for numbers and lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from djcelery.wording import alternatives, counted

CLI = Path(__file__).parents[2] / "cli" / "djcelery"
# A number with a noun in the plural, which would stand there for one, too.
UNCOUNTED = re.compile(r"\{(?:len\([^{}]*\)|count|number)\} [a-z]+s\b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((0, "task"), "0 tasks"), ((1, "task"), "1 task"), ((2, "task"), "2 tasks"),
        ((1, "entry", "entries"), "1 entry"), ((3, "entry", "entries"), "3 entries"),
    ],
)  # fmt: skip
def test_a_number_with_its_noun(words, said):
    assert counted(*words) == said


@pytest.mark.parametrize(("words", "said"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_a_list_to_choose_from(words, said):
    assert alternatives(words) == said


def test_no_message_of_the_command_counts_by_itself():
    found = {path.name: UNCOUNTED.findall(path.read_text()) for path in CLI.rglob("*.py")}

    assert {name: texts for name, texts in found.items() if texts} == {}
