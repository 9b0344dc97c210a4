"""Test that any text gives findings or a report: never an error, never a hang."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djcelery.checking.run import findings_of
from djcelery.project.infrastructure import processes_in
from djcelery.project.project import Project

TEXTS = [path.read_text() for path in sorted((Path(__file__).parent / "cases").rglob("*.py"))]
PIECES = [
    "(",
    ")",
    "[",
    "{",
    "**x",
    "*",
    ":",
    "\n",
    "    ",
    "async ",
    "lambda: ",
    "self.",
    "@",
    '"',
    "0",
    "\t",
    "é",
    "\0",
    "= ",
    "yield ",
]
calm = settings(max_examples=40, deadline=5000, suppress_health_check=list(HealthCheck))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """Return a case file, cut off or with pieces put in or taken out."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(PIECES)) + text[place + draw(st.integers(0, 30)) :]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@given(broken(), st.sampled_from(["shop/tasks.py", "shop/views.py", "project/settings.py", "shop/migrations/0001.py"]))
@calm
def test_a_broken_python_file(text: str, path: str) -> None:
    findings_of(Project.of({path: text, "project/celery.py": "from celery import Celery\napp = Celery('x')\n"}))


@given(st.binary(max_size=300))
@calm
def test_any_bytes(data: bytes) -> None:
    findings_of(Project.of({"shop/tasks.py": b"# celery\n" + data, "Procfile": data, "compose.yaml": data}))


@given(st.text(alphabet="abc:-{}[]\n #&*!|>'\"%@`services commandworker", max_size=200))
@calm
def test_any_yaml(text: str) -> None:
    processes_in("compose.yaml", f"services:\n  a:\n    command: celery worker\n{text}".encode())


def test_deep_nesting_is_reported() -> None:
    findings = findings_of(Project.of({"shop/tasks.py": "import celery\nx = " + "(" * 5000 + ")" * 5000}))
    assert [finding.code for finding in findings] == ["DJC001"]


def test_a_long_chain_is_no_trouble() -> None:
    findings_of(Project.of({"shop/tasks.py": "import celery\nx = " + "+".join(["a.b(c).d"] * 800)}))
