"""Test that each cell of the comparison has a source, and that the rows that we lose are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "about" / "comparison.md").read_text()
SOURCES = dict(re.findall(r"^\[([\w-]+)\]: (https://\S+)$", PAGE, re.MULTILINE))
RIVALS = [
    "Celery",
    "cookiecutter-django",
    "django-tasks-db",
    "django-ox",
    "procrastinate",
    "Dramatiq",
    "Huey",
    "django-q2",
    "Oban (Elixir)",
    "Solid Queue (Ruby)",
]
LINK = re.compile(r"\[[^\]]+\](?:\[([\w-]+)\]|\(([^)]+)\))")


def rows(title: str) -> list[list[str]]:
    """Return the cells of each row of the table under a heading, without its head."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


TABLES = {
    "Where a job waits": ["djcelery", *RIVALS],
    "When something goes wrong": ["djcelery", *RIVALS],
    "In operation": ["djcelery", *RIVALS],
    "Where the others are ahead": RIVALS,
}


@pytest.mark.parametrize("title", TABLES)
def test_each_cell_has_its_source(title):
    found = rows(title)

    assert [name for name, *_ in found] == TABLES[title]
    for name, *cells in found:
        for cell in cells:
            link = LINK.fullmatch(cell)
            assert link, f"{name}: {cell}"
            assert link[1] is None or link[1] in SOURCES, f"{name}: {cell}"


def test_a_source_is_a_commit_or_a_version_and_so_stays_what_it_was():
    moving = [url for url in SOURCES.values() if "/blob/" in url and not re.search(r"/blob/[0-9a-f]{40}/", url)]

    assert moving == []
    assert sorted(name for name in SOURCES if f"[{name}]" not in PAGE.replace(f"[{name}]: ", "")) == []


def test_the_page_says_of_which_day_it_is():
    assert re.search(r"^As of \d+ [A-Z][a-z]+ 20\d\d\.", PAGE, re.MULTILINE)


def test_it_is_told_what_is_lost_beside_others():
    assert PAGE.index("## When not to use djcelery") < PAGE.index("## Where a job waits")
