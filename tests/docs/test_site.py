"""The documentation site builds without a warning, has every page, and its start page answers within two clicks."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FILES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in runpy.run_path(str(DOCS / "conf.py"))["ROOT_PAGES"])]
PAGES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in FILES]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the site from `source` into `target`; a warning is a failure."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--nitpicky", "-q", "-b", "html"]
    return subprocess.run(
        [*command, "-c", source / "docs", source, target], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT, target)
    assert done.returncode == 0, done.stderr
    return target


def test_every_page_is_on_the_site_and_in_llms_txt(site):
    listed = (site / "llms.txt").read_text()

    assert [page for page in PAGES if not (site / f"{page}.html").is_file()] == []
    assert [page for page in PAGES if f"/{page}.md.txt" not in listed] == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("index.md", "\n[nowhere](no-such-page.md)\n"),
        ("index.md", "\n[nowhere](guarantees.md#no-such-heading)\n"),
        ("lonely.md", "# Lonely\n"),
    ],
    ids=["dead link", "dead anchor", "page outside of the navigation"],
)
def test_a_mistake_fails_the_build(tmp_path, page, text):
    source = tmp_path / "repository"
    shutil.copytree(DOCS, source / "docs")
    for file in FILES:
        copy = source / file.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(file, copy)
    with (source / "docs" / page).open("a") as file:
        file.write(text)

    done = build(source, tmp_path / "site")

    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_also_on_github(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)

    assert [link for link in LINK.findall(text) if not (path.parent / link).exists()] == []


def test_the_start_page_answers_ten_questions():
    # The build finds links that lead nowhere; here it is enough that each question has one.
    rows = re.findall(r"^\| (.+\?) \| \[.+\]\((.+)\) \|$", (DOCS / "index.md").read_text(), flags=re.MULTILINE)

    assert len(rows) == 10


def test_getting_an_admin_user_is_told_in_each_first_place():
    project = ROOT / "{{cookiecutter.project_slug}}"
    start_page = project / "{{cookiecutter.project_slug}}" / "templates" / "start.html"
    places = [ROOT / "README.md", DOCS / "tutorial.md", project / "README.md", start_page]

    assert [str(path) for path in places if "manage.py createsuperuser" not in path.read_text()] == []
