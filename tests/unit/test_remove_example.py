"""Test `djcelery remove example`, on a project of a few files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from djcelery.adding.example import merge
from tests.unit.test_adding import tree

ADDED = '    "users.tasks.greet": "fast",\n'


@pytest.fixture
def project(cli, tmp_path, small_template):
    """Return a project with an example of two files, one of which the hook drops without it."""
    jobs = small_template / "{{cookiecutter.project_slug}}/settings/jobs.py"
    jobs.write_text(
        'WORKLOADS = {"fast": 1}\nROUTES = {\n'
        '    # {% if cookiecutter.example %}\n    "orders.tasks.reserve": "fast",\n    # {% endif %}\n'
        '    "djcelery_jobs.tasks.prune": "fast",\n}\n'
    )
    views = small_template / "{{cookiecutter.project_slug}}/views.py"
    views.write_text("# The start page\n")
    (small_template / "tests/orders").mkdir(parents=True)
    (small_template / "tests/orders/test_tasks.py").write_text("x = 1\n")
    (small_template / "tests/__init__.py").touch()
    assert cli("new", "shop", "--no-git").code == 0
    assert cli("new", "without/shop", "--no-example", "--no-git").code == 0
    return tmp_path / "shop"


def without_env(root):
    return {path: data for path, data in tree(root).items() if path != ".env"}


def test_the_project_is_as_if_made_without_and_comes_back(cli, project, tmp_path):
    before = tree(project)
    said = cli("remove", "example", "--project", "shop", "--yes")
    assert said.code == 0, said
    assert "orders/tasks.py: part of the example\n" in said.out
    assert without_env(project) == without_env(tmp_path / "without/shop")
    assert cli("remove", "example", "--project", "shop", "--yes").out == "Nothing to do.\n"
    assert cli("remove", "--undo", "--project", "shop", "--yes").code == 0
    assert tree(project) == before


def test_planning_imports_neither_cookiecutter_nor_the_other_removals(project):
    # cookiecutter imports the libraries of its dialogue, which took longer than all the rest of the command.
    code = (
        "import sys; from djcelery.main import main\n"
        f"try: main(['remove', 'example', '--dry-run', '--project', {str(project)!r}])\n"
        "finally: print([n for n in sys.modules if n in ('cookiecutter', 'rich', 'djcelery.adding.planning')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "jinja2" in code or done.stdout.endswith("[]\n"), done


@pytest.mark.parametrize("answer", ['broker = "kafka"', "sentry = 1"])
def test_an_answer_in_the_record_that_no_question_has_is_refused(cli, project, answer):
    record = project / ".djcelery.toml"
    name = answer.split()[0]
    lines = [answer if line.startswith(f"{name} = ") else line for line in record.read_text().splitlines()]
    record.write_text("\n".join(lines) + "\n")
    before = tree(project)
    said = cli("remove", "example", "--project", "shop", "--yes")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: djcelery does not know an answer in .djcelery.toml: {name} must be one of ")
    assert tree(project) == before


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_of_the_team_stay(cli, project, newline):
    file = project / "shop/settings/jobs.py"
    text = file.read_text().replace('    "djcelery_jobs', f'{ADDED}    "djcelery_jobs').replace("\n", newline)
    file.write_bytes(text.encode())
    (project / "README.md").unlink()
    assert cli("remove", "example", "--project", "shop", "--yes").code == 0
    assert file.read_bytes().decode() == text.replace(f'    "orders.tasks.reserve": "fast",{newline}', "")
    assert not (project / "README.md").exists()


@pytest.mark.parametrize(("path", "change"), [
    ("orders/tasks.py", ("pass", "return 1")),
    ("shop/settings/jobs.py", ('reserve": "fast"', 'reserve": "slow"')),
], ids=str)  # fmt: skip
def test_an_edited_example_stays_and_the_edit_is_shown(cli, project, path, change):
    file = project / path
    file.write_text(file.read_text().replace(*change))
    before = tree(project)
    said = cli("remove", "example", "--project", "shop", "--yes")
    assert (said.code, tree(project)) == (1, before)
    assert "The example was edited, so it is not removed:\n" in said.err
    assert f"+++ {path}\n" in said.err
    assert change[1] in said.err


@pytest.mark.parametrize(("path", "text", "message"), [
    ("orders/mine.py", "", "The example's folders hold files that are yours, such as orders/mine.py."),
    ("users/x.py", "from orders.models import Order\n", "These files use the example: users/x.py"),
    ("users/x.py", "INSTALLED_APPS = ['orders']\n", "These files use the example: users/x.py"),
], ids=str)  # fmt: skip
def test_files_that_need_the_example_keep_it(cli, project, path, text, message):
    (project / path).parent.mkdir(exist_ok=True)
    (project / path).write_text(text)
    before = tree(project)
    said = cli("remove", "example", "--project", "shop", "--yes")
    assert (said.code, tree(project)) == (1, before)
    assert said.err.startswith(f"Error: {message}\n")


def test_another_version_guesses_nothing(cli, project, small_template):
    file = small_template / "{{cookiecutter.project_slug}}/settings/jobs.py"
    file.write_text(file.read_text() + "NEW = 1\n")
    before = tree(project)
    said = cli("remove", "example", "--project", "shop", "--yes")
    assert (said.code, tree(project)) == (1, before)
    assert "this command would make another shop/settings/jobs.py" in said.err


def test_other_projects_have_no_example(cli, project, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/manage.py").touch()
    message = "`djcelery new` did not make the project in"
    assert message in cli("remove", "example", "--project", "other").err
    (tmp_path / "other/.djcelery.toml").write_text('version = "1"\n')  # as `init` writes it
    assert message in cli("remove", "example", "--project", "other").err
    (project / ".djcelery.toml").write_text("x = [")
    assert ".djcelery.toml cannot be read" in cli("remove", "example", "--project", "shop").err


@pytest.mark.parametrize(("before", "after", "ours", "merged"), [
    ("a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", "a\nc\nd\n"),
    ("a\nb\nc\n", "a\nB\nc\n", "x\na\nb\nc\n", "x\na\nB\nc\n"),
    ("a\nc\n", "a\nb\nc\n", "a\nc\nd\n", "a\nb\nc\nd\n"),
    ("a\n", "b\na\n", "a\nc\n", "b\na\nc\n"),
    ("a\nb\nc\n", "a\nc\n", "a\nB\nc\n", None),
    ("a\nb\nb2\nc\n", "a\nc\n", "a\nb\nmine\nb2\nc\n", None),
    ("a\nc\n", "a\nb\nc\n", "c\n", None),
])  # fmt: skip
def test_a_change_is_applied_where_its_lines_are_or_not_at_all(before, after, ours, merged):
    assert merge(before.encode(), after.encode(), ours.encode()) == (merged and merged.encode())
