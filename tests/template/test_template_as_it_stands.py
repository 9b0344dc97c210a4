"""Test the template as it stands: Python that any tool can read, and a README that tells the truth."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

import djcelery
import djcelery_jobs
from djcelery import main, template
from tests.projects import Project, make

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
SOURCES = sorted(TEMPLATE.rglob("*.py"))
SLUG = "{{ cookiecutter.project_slug }}"
post = template.hook("post_gen_project")
BLOCK = re.compile(r"\{%|\{#|\{\{\s*cookiecutter")

# Lines with a tag, for each hundred lines of Python that tests do not make up. Beyond this nobody reads it as Python.
TAGS_PER_100_LINES = 3
# What is written like a file of the project: with an ending of one, or with a slash at its end.
FILE = re.compile(r"`(\w[\w./-]*(?:\.(?:py|toml|yaml|md|example)|/)|Procfile|Dockerfile)`")


def names(path: Path) -> str:
    return path.relative_to(TEMPLATE).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_python_is_python_and_its_tags_are_comments_or_strings(path):
    text = path.read_text(encoding="utf-8")
    ast.parse(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or not BLOCK.search(token.string):
            continue
        rest = token.string.replace(SLUG, "")
        assert not BLOCK.search(rest), f"line {token.start[0]}: only the slug may stand in a string"


def test_few_lines_hold_a_tag():
    lines = [line for path in SOURCES if "tests" not in path.parts for line in path.read_text().splitlines()]
    tags = [line for line in lines if re.search(r"#\s*\{%", line)]
    assert len(tags) * 100 / len(lines) <= TAGS_PER_100_LINES


def test_what_is_copied_without_rendering_parses_and_holds_no_tag():
    patterns = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
    tree = post.Tree(TEMPLATE, "", patterns)
    copied = {path: text for path, text in tree.texts.items() if tree.is_copied(path)}
    assert len(copied) > 20
    assert [path for path, text in copied.items() if post.unparsed(path, text) or "cookiecutter" in text] == []


def test_what_holds_no_tag_is_copied_without_rendering():
    patterns = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
    tree = post.Tree(TEMPLATE, "", patterns)
    rendered = {path: text for path, text in tree.texts.items() if not tree.is_copied(path)}
    assert len(rendered) > 20
    assert [path for path, text in rendered.items() if not BLOCK.search(text)] == []


def test_command_library_and_template_have_one_version_and_only_a_released_one_is_named():
    # To release: remove `.dev` and its number everywhere, and turn `_released` and `_vendored` around.
    values = template.private_values()
    assert values["_djcelery_version"] == djcelery.__version__ == djcelery_jobs.__version__
    assert values["_released"] is (".dev" not in djcelery.__version__)
    assert values["_vendored"] is not values["_released"]
    major, minor = map(int, djcelery.__version__.split(".")[:2])
    assert values["_library_versions"] == f">={major}.{minor},<{major}.{minor + 1}"


def test_the_orders_for_agents_fit_on_two_pages():
    assert len((TEMPLATE / "AGENTS.md").read_text(encoding="utf-8").splitlines()) <= 80


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return make(tmp_path_factory.mktemp("as-it-stands"), "shop")


@pytest.mark.parametrize(("name", "least"), [("README.md", 10), ("AGENTS.md", 2)])
def test_each_file_that_is_named_exists(project, name, least):
    text = (project.path / name).read_text(encoding="utf-8")
    named = set(FILE.findall(text)) - {".dev/"}  # made by the first run

    places = (project.path, project.path / project.slug)
    missing = {path for path in named if not any((place / path).exists() for place in places)}

    assert len(named) > least
    assert missing == set()


# Whatever would fetch one of our two packages from an index.
PACKAGES = re.compile(r"uvx|pipx|djcelery-jobs|djcelery(?:==|@|\[)|install djcelery")


@pytest.fixture
def unreleased(tmp_path, monkeypatch):
    """Return This template as one of a development version, whatever its version is today."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("hooks", "lib", TEMPLATE.name):
        (home / name).symlink_to(ROOT / name)
    questions = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    questions |= {"_djcelery_version": "9.9.9.dev9", "_released": False, "_vendored": True}
    (home / "cookiecutter.json").write_text(json.dumps(questions))
    monkeypatch.setattr(template, "home", lambda: home)


@pytest.mark.parametrize("flags", [[], ["--broker", "rabbitmq", "--ci", "gitlab", "--kubernetes", "--no-example"]])
def test_an_unreleased_version_names_no_package_that_an_index_does_not_have(unreleased, tmp_path, capsys, flags):
    with pytest.raises(SystemExit) as left:
        main.main(["new", str(tmp_path / "shop"), "--vendor", "--no-git", *flags])
    said = "".join(capsys.readouterr())
    assert left.value.code == 0, said

    files = [path for path in (tmp_path / "shop").rglob("*") if path.is_file()]
    named = {
        path.relative_to(tmp_path).as_posix() for path in files if PACKAGES.search(path.read_text(encoding="utf-8"))
    }
    assert len(files) > 100
    assert (named, PACKAGES.findall(said)) == (set(), [])
