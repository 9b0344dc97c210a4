"""Test that the site builds without a warning, has every page, and answers within two clicks from its start."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from html.parser import HTMLParser
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


@pytest.mark.live
def test_no_page_is_wider_than_a_phone(site):
    # Code and tables scroll by themselves.
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is not installed (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        phone = browser.new_page(viewport={"width": 390, "height": 844})
        wide = []
        for page in PAGES:
            phone.goto((site / f"{page}.html").as_uri())
            if phone.evaluate("document.documentElement.scrollWidth") > 390:
                wide.append(page)
        browser.close()

    assert wide == []


MISTAKES = {
    "no-such-page.md": ("index.md", "\n[nowhere](no-such-page.md)\n"),
    "no-such-heading": ("index.md", "\n[nowhere](guarantees.md#no-such-heading)\n"),
    "lonely.md": ("lonely.md", "# Lonely\n"),  # outside of the navigation
}


def test_each_mistake_fails_the_build(tmp_path):
    source = tmp_path / "repository"
    for file in [*FILES, *DOCS.rglob("*.*"), *(ROOT / "benchmarks" / "results").iterdir()]:
        copy = source / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for page, text in MISTAKES.values():
        with (source / "docs" / page).open("a") as file:
            file.write(text)

    done = build(source, tmp_path / "site")

    lines = done.stderr.strip().splitlines()
    assert done.returncode != 0
    assert len(lines) == len(MISTAKES), done.stderr
    assert all(any(sign in line for line in lines) for sign in MISTAKES), done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_also_on_github(path):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)

    assert [link for link in LINK.findall(text) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_by_name_has_its_address_on_a_line_of_its_own(path):
    """Require it here: Markdown shows a link without an address as text, and Sphinx says nothing."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)
    addresses = re.findall(r"^\[([\w-]+)\]: (.*)$", text, flags=re.MULTILINE)

    assert set(re.findall(r"\]\[([\w-]+)\]", text)) == {name for name, _ in addresses}
    assert [name for name, address in addresses if not re.fullmatch(r"https://\S+", address)] == []


def test_a_source_on_github_is_a_commit_and_so_stays_what_it_was():
    texts = {path.name: path.read_text() for path in FILES}
    moving = {
        name: found
        for name, text in texts.items()
        if (found := re.findall(r"https://github\.com/[\w/.-]+/(?:blob|tree)/(?:main|master)\b\S*", text))
    }

    assert moving == {}


def test_each_test_and_benchmark_that_a_page_names_exists():
    # The names are files of this repository, or of a generated project.
    named = {}
    for path in FILES:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        modules = re.findall(r"python -m benchmarks\.([a-z]\w+)", text)
        for name in [*re.findall(r"\btests/[\w./]*\w", text), *(f"benchmarks/{name}.py" for name in modules)]:
            named[name] = path.name

    named.pop("tests/orders/test_restock.py")  # the tutorial's
    assert len(named) > 30
    places = (ROOT, ROOT / "{{cookiecutter.project_slug}}")
    assert {name: page for name, page in named.items() if not any((place / name).exists() for place in places)} == {}


OF_OTHERS = {
    "tests/orders/test_restock.py",
    "config/celery_app.py",
    "config/settings/base.py",
    "config/settings/local.py",
}


def test_each_file_that_a_page_names_exists():
    project = ROOT / "{{cookiecutter.project_slug}}"
    places = [ROOT, DOCS, ROOT / "lib", ROOT / "lib" / "djcelery_jobs", project]
    places += [project / "deploy" / "kubernetes", project / "{{cookiecutter.project_slug}}"]
    named = {}
    for path in FILES:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        endings = "py|ya?ml|toml|json|svg|md|html|service"
        named |= dict.fromkeys(re.findall(rf"`([\w.-]+(?:/[\w.-]+)+\.(?:{endings}))`", text), path.name)

    missing = {name: page for name, page in named.items() if not any((place / name).exists() for place in places)}
    missing = {name: page for name, page in missing.items() if name not in OF_OTHERS and "NAME" not in name}
    assert len(named) > 30
    assert {name: page for name, page in missing.items() if page not in ("rules.md", "CHANGELOG.md")} == {}


# Where each question of a stranger is answered, and a phrase of the answer.
ANSWERS = {
    "How do I log in?": ("tutorial", "log-in-to-the-admin", "createsuperuser"),
    "What happens if Redis dies?": ("guarantees", "a-broker-outage-never-fails-a-request", "The row is enough"),
    "How do I add a queue?": ("cli", "djcelery-add", "djcelery add queue"),
    "Does it work with my Poetry project?": ("about/stability", "dependency-tools", "Poetry"),
    "What happens when I deploy?": ("about/upgrading", "during-a-deploy", "SIGTERM"),
    "How do I test my tasks?": ("how-to/test-tasks", "test-tasks", "drain"),
    "Can I cancel a job?": ("guarantees", "what-people-decide-holds", "A job that is cancelled"),
    "What does a durable job cost?": ("capacity", "what-a-job-costs", "bench_cost"),
    "How do I leave?": ("about/upgrading", "the-way-out", "base=DurableTask"),
    "Is it maintained?": ("about/stability", "maintenance", "no release yet"),
}


class Page(HTMLParser):
    """Collect the links of the article of a page, and the text of each section by the anchor of its heading."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.links, self.sections = path, set(), {}
        self.open: list[str] = []  # the anchors of the sections around the place, the innermost last
        text = path.read_text()
        self.feed(text[text.index("<article") : text.index("</article>")])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "section":
            self.open.append(values.get("id") or "")
        if tag == "a" and (href := values.get("href") or "").partition("#")[0].endswith(".html") and "://" not in href:
            self.links.add((self.path.parent / href.partition("#")[0]).resolve())

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self.open.pop()

    def handle_data(self, data: str) -> None:
        for anchor in self.open:
            self.sections[anchor] = self.sections.get(anchor, "") + data


def test_the_start_page_asks_what_strangers_ask():
    rows = re.findall(r"^\| (.+\?) \| \[.+\]\(.+\) \|$", (DOCS / "index.md").read_text(), flags=re.MULTILINE)

    assert rows == list(ANSWERS)


@pytest.mark.parametrize("start", ["docs/index.html", "README.html"])
@pytest.mark.parametrize("question", ANSWERS)
def test_a_question_is_answered_within_two_clicks(site, start, question):
    page, anchor, phrase = ANSWERS[question]
    first = Page(site / start).links
    second = {link for path in first for link in Page(path).links}
    target = (site / "docs" / f"{page}.html").resolve()

    assert target in (first if start.startswith("docs") else first | second)
    assert phrase in Page(target).sections[anchor]


NOT_RELEASED = re.compile(r"\b(?:is|has been|has) no release\b")


def test_the_pages_say_that_there_is_no_release_until_there_is_one():
    released = json.loads((ROOT / "cookiecutter.json").read_text())["_released"]
    pages = {path.relative_to(ROOT).as_posix() for path in FILES if NOT_RELEASED.search(path.read_text())}

    started_from = {"README.md", "lib/README.md", "docs/index.md", "docs/about/stability.md"}
    assert not pages if released else started_from <= pages


def test_getting_an_admin_user_is_told_in_each_first_place():
    project = ROOT / "{{cookiecutter.project_slug}}"
    start_page = project / "{{cookiecutter.project_slug}}" / "templates" / "start.html"
    shop = project / "orders" / "templates" / "orders" / "shop.html"
    places = [ROOT / "README.md", DOCS / "tutorial.md", project / "README.md", start_page, shop]

    assert [str(path) for path in places if "manage.py createsuperuser" not in path.read_text()] == []
