"""Compare what the rules say about real code with what a reader said about each of those findings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fetch
import pytest

from djcelery.checking.run import run

pytestmark = pytest.mark.corpus
JUDGED = {
    (each["project"], each["file"], each["line"], each["code"]): each
    for each in json.loads((Path(__file__).parent / "judgements.json").read_text())
}
LEAST = {"error": 0.98, "warning": 0.90}


@pytest.fixture(scope="module")
def found() -> list[tuple[str, str, int, str, str]]:
    return [
        (name, finding.path, finding.line, finding.code, finding.severity)
        for name, folder in fetch.everything().items()
        for finding in run(str(folder)).findings
        if finding.severity in LEAST
    ]


def test_every_finding_has_been_judged(found: list[tuple[str, str, int, str, str]]) -> None:
    assert {each[:4] for each in found} - set(JUDGED) == set()


def test_no_judged_true_finding_is_lost(found: list[tuple[str, str, int, str, str]]) -> None:
    assert {key for key, each in JUDGED.items() if each["true"]} - {each[:4] for each in found} == set()


@pytest.mark.parametrize("severity", LEAST)
def test_precision(found: list[tuple[str, str, int, str, str]], severity: str) -> None:
    verdicts = [JUDGED[each[:4]]["true"] for each in found if each[4] == severity]
    assert sum(verdicts) / len(verdicts) >= LEAST[severity]


def test_the_counts_of_the_docs_are_true() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
    import make_rules

    assert make_rules.count() == make_rules.COUNTS.read_text()
