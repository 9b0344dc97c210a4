"""Test `add` and `remove` in projects as `new` makes them, judged by the projects' own tools."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.projects import Project, environment, make, succeed
from tests.template.test_answers import PAIRS

ADDITIONS = [
    ["queue", "web-hooks", "--concurrency", "4", "--hard", "600"],
    ["app", "billing"],
    ["task", "users.greet", "--queue", "web-hooks"],
    ["task", "billing.charge_card", "--queue", "fast", "--plain"],
    ["task", "billing.remind", "--queue", "web-hooks", "--every", "10m"],
    ["schedule", "often", "--task", "billing.remind", "--cron", "*/5 8-18 * * mon-fri"],
]
REMOVALS = [
    ["schedule", "often"], ["task", "billing.charge_card"], ["task", "users.greet"], ["task", "billing.remind"],
    ["queue", "web-hooks"], ["app", "billing"],
]  # fmt: skip
# The tests that compare places with each other.
COMPARING = ("tests/test_processes.py", "tests/test_settings.py", "tests/test_kubernetes.py")
BODY = """\
    user = User.objects.filter(pk=pk).first()
    if user is None:
        return
    user.first_name = f"Dear {user.username}"
    user.save(update_fields=["first_name"])
"""
# What somebody writes in place of each line of the generated test that fails.
WRITTEN = {
    'pytest.fail("Create the row here, and return its id.")': 'return User.objects.create(username="ann").pk',
    'pytest.fail("Return the row\'s new values, the mails that were sent, ...")': (
        "return User.objects.get(pk=pk).first_name"
    ),
}


def change(project: Project, *words: str) -> str:
    command = [sys.executable, "-m", "djcelery", *words, "--yes"]
    return succeed(command, cwd=project.path, env=environment(), timeout=60)


def tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of a project, without caches, the journal and what is this machine's alone."""
    others = {".djcelery", ".env", ".ruff_cache", "db.sqlite3"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in others and "__pycache__" not in path.parts
    }


def judge_additions(project: Project) -> None:
    """Add one of each kind, let the project's tools judge it, write a task, and remove all of it again."""
    before = tree(project.path)
    for words in ADDITIONS:
        change(project, "add", *words)
    project.lint()
    project.check()
    succeed([sys.executable, "-m", "djcelery", "check", "--no-cache"], cwd=project.path, env=environment())
    judged = [*(path for path in COMPARING if path in before), "tests/billing/test_app.py", "tests/users/test_greet.py"]
    with pytest.raises(AssertionError, match="NotImplementedError: Read the row") as failed:
        project.test(*judged)
    assert re.search(r"\n1 failed, \d+ passed", str(failed.value))
    added = tree(project.path)
    write_task(project)
    project.lint()
    project.test("tests/users/test_greet.py")
    restore(project.path, added)
    for words in REMOVALS:
        change(project, "remove", *words)
    assert tree(project.path) == before


def write_task(project: Project) -> None:
    """Do what the task and its test say that somebody has to do."""
    tasks, test = project.path / "users/tasks.py", project.path / "tests/users/test_greet.py"
    text, count = re.subn(r"    raise NotImplementedError\(.*\)\n", lambda _: BODY, tasks.read_text())
    assert count == 1
    imports = "from djcelery_jobs import DurableTask\n"
    tasks.write_text(text.replace(imports, f"{imports}\nfrom .models import User\n"))
    text = test.read_text()
    for failing, written in WRITTEN.items():
        assert failing in text
        text = text.replace(failing, written)
    imports = "import pytest\n\n"
    test.write_text(text.replace(imports, f"{imports}from users.models import User\n"))


def restore(folder: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        (folder / path).write_bytes(data)


def judge_removal_of_the_example(project: Project, flags: list[str]) -> None:
    """Remove the example, and compare the project with one that was made without."""
    change(project, "remove", "example")
    without = make(project.path.parent / "without", project.slug, [*flags, "--no-example"])
    assert tree(project.path) == tree(without.path)
    words = re.compile(rb"\b(orders?|tea|receipt|price.?list|daily.?sales|reserve_stock)\b", re.I)
    mentions = {path for path, data in tree(project.path).items() if words.search(data)}
    assert {path for path in mentions if not path.startswith("djcelery_jobs/")} <= {"README.md", "AGENTS.md"}


def test_additions_are_clean_and_removals_exact(tmp_path):
    judge_additions(make(tmp_path, "my_shop", ["--kubernetes"]))


def test_without_the_example_a_project_is_as_if_made_without_it(tmp_path):
    flags = ["--kubernetes", "--ci", "none"]
    project = make(tmp_path, "my_shop", flags)
    change(project, "add", "queue", "webhooks")
    change(project, "add", "task", "users.greet", "--queue", "webhooks")
    change(project, "remove", "task", "users.greet")
    change(project, "remove", "queue", "webhooks")
    judge_removal_of_the_example(project, flags)
    said = project.test("--cov")
    assert "Required test coverage of 95.0% reached" in said
    project.lint()
    project.check()


@pytest.mark.matrix
@pytest.mark.parametrize("slug", PAIRS)
def test_every_combination_of_answers(tmp_path, slug):
    flags = PAIRS[slug].split()
    project = make(tmp_path, slug, flags)
    judge_additions(project)
    if "--example" in flags:
        judge_removal_of_the_example(project, [flag for flag in flags if flag != "--example"])
        project.lint()
        project.check()
        project.test()
