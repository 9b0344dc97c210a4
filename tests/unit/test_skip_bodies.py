"""Test that what is left out before parsing changes no fact."""

from __future__ import annotations

from pathlib import Path

import pytest

from djcelery.project import reader
from djcelery.project.packing import Rows, rows_of
from djcelery.project.reader.relevance import relevant_lines
from djcelery.project.reader.skip_bodies import blank_irrelevant_bodies

ROOT = Path(__file__).parents[2]
FILES = [path for folder in ("cli", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
VIEWS = '''\
from shop.tasks import send


def plain(
    a,
    b=1,
) -> int:
    """Text.

def in_a_text(): ...
    """
    return a


@login_required
def decorated(request):
    return 1


class Sender(View):
    """Sends."""

    @property
    def name(self):
        return 1

    def other(self):
        return 2

    def post(self, request):
        send.delay(1)


class Silent(View):
    def get(self, request):
        return 3


def factory(function):
    def inner():
        return 4

    return inner
'''


def facts(text: str) -> Rows:
    """Return the facts of a text that rules ask for: not where a body ends, nor what a long text says."""
    rows = rows_of(reader.read("a.py", "a", text.encode()))
    *_, functions, classes, _, _, values = rows
    for each in [*functions, *classes]:
        each[-1] = 0
    for each in values:
        if isinstance(each[8], str) and "\n" in each[8]:
            each[8] = ""
    return rows


@pytest.fixture
def whole(monkeypatch):
    """Read the facts of the whole text."""

    def read(text: str) -> Rows:
        with monkeypatch.context() as patch:
            patch.setattr(reader, "blank_irrelevant_bodies", lambda text, relevant: text)
            return facts(text)

    return read


def test_what_tells_nothing_is_left_out_in_its_place():
    short = blank_irrelevant_bodies(VIEWS, relevant_lines(VIEWS))
    assert short.count("\n") == VIEWS.count("\n")
    for number, (line, before) in enumerate(zip(short.split("\n"), VIEWS.split("\n"), strict=True), 1):
        assert line in {before, "", " pass", "     pass"}, number
    assert [number for number in range(1, 6) if f"return {number}" in short] == [1, 4]
    assert "send.delay(1)" in short


def test_a_text_that_only_looks_like_a_function_is_read_whole(whole):
    text = 'x = f("""\ndef a():\n    """ + b.delay(1) + """\n""")\n'
    assert "b.delay" in str(facts(text))
    assert facts(text) == whole(text)


def test_all_facts_of_this_repository_are_the_same(whole):
    differing = [path for path in FILES if facts(path.read_text()) != whole(path.read_text())]
    assert len(FILES) > 200
    assert differing == []
