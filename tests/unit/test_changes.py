"""Test what every command does with its plan: show it, ask once, write it, undo it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from djcelery import dialogue, main
from djcelery.commands.changes import carry_out, change_options
from djcelery.plan import Plan, Snippet


@pytest.fixture
def root(tmp_path, cli, monkeypatch):
    """Return a folder of two files, with a command `touch` that adds a line to one, unless it is there."""

    @click.command("touch")
    @click.option("--snippet", type=click.Choice(["optional", "required"]))
    @click.option("--value", default=1)
    @change_options
    def command(snippet, value, changes):
        def make_plan():
            plan = Plan(Path("project"))
            line = b"x = %d\n" % value
            if line not in plan.read("a.py"):
                plan.write("a.py", plan.read("a.py") + line, "set x")
            if snippet:
                plan.snippets.append(
                    Snippet("b.py", 3, "y = 1\n", "it is unclear where y is set", snippet == "required")
                )
            return plan

        carry_out(Path("project"), make_plan, changes)

    module = ModuleType("touch")
    module.command = command
    monkeypatch.setitem(sys.modules, "touch", module)
    monkeypatch.setitem(main.COMMANDS, "touch", ("touch", "Touch."))
    monkeypatch.setattr(sys, "argv", ["djcelery", "touch"])
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("a = 1\n")
    (root / "b.py").write_text("b = 1\n")
    return root


DIFF = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n a = 1\n+x = 1\n"


def test_one_diff_with_a_line_of_explanation_is_shown_and_written(cli, root):
    said = cli("touch", "--yes")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"a.py: set x\n{DIFF}Done. To undo: djcelery touch --undo\n"
    assert (root / "a.py").read_text() == "a = 1\nx = 1\n"


def test_a_second_run_has_nothing_to_do(cli, root):
    cli("touch", "--yes")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert cli("touch", "--yes") == (0, "Nothing to do.\n", "")
    assert cli("touch") == (0, "Nothing to do.\n", "")
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.mark.parametrize(("words", "code"), [(["--dry-run"], 0), (["--diff"], 0), (["--json", "--dry-run"], 0),
                                            (["--dry-run", "--yes"], 0), ([], 2), (["--json"], 2)])  # fmt: skip
def test_nothing_is_written_without_consent(cli, root, words, code):
    said = cli("touch", *words)
    assert said.code == code
    assert (json.loads(said.out)["diff"] if "--json" in words else said.out.replace("a.py: set x\n", ""))[
        : len(DIFF)
    ] == DIFF
    assert ("Pass --yes" in said.err) is (not words)
    assert [path.name for path in sorted(root.rglob("*"))] == ["a.py", "b.py"]
    assert (root / "a.py").read_text() == "a = 1\n"


def test_the_diff_alone_is_a_patch(cli, root, git):
    (root / "a.py").write_bytes(b"\x0c\na = 1\r\n\xc2\x85\n")
    plan = Plan(root)
    plan.write("a.py", plan.read("a.py") + b"x = 1")
    plan.create("new/__init__.py", b"")
    plan.delete("b.py")
    (root / "patch").write_bytes(plan.diff().encode())
    git("apply", "patch", cwd=root)
    assert (root / "a.py").read_bytes() == b"\x0c\na = 1\r\n\xc2\x85\nx = 1"
    assert (root / "new/__init__.py").read_bytes() == b""
    assert not (root / "b.py").exists()


def test_a_diff_and_what_is_left_to_do_do_not_mix(cli, root):
    assert cli("touch", "--diff", "--snippet", "optional") == (
        3, DIFF, "By hand, in b.py:3: it is unclear where y is set\n    y = 1\n\n",
    )  # fmt: skip


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked_once(cli, root, monkeypatch, answer):
    questions = []
    monkeypatch.setattr(dialogue, "is_interactive", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda text, **_: questions.append(text) or answer)
    assert cli("touch").code == (0 if answer else 1)
    assert questions == ["Make these changes?"]
    assert ("x = 1" in (root / "a.py").read_text()) is answer


def test_json_names_files_reasons_and_what_is_left(cli, root):
    said = cli("touch", "--json", "--yes", "--snippet", "optional")
    assert said.code == 3
    assert json.loads(said.out) == {
        "success": True,
        "applied": True,
        "files": [{"path": "a.py", "action": "edit", "reason": "set x"}],
        "diff": DIFF,
        "by_hand": [
            {"path": "b.py", "line": 3, "text": "y = 1\n", "reason": "it is unclear where y is set", "required": False}
        ],
    }


@pytest.mark.parametrize("kind", ["optional", "required"])
def test_a_snippet_is_printed_and_the_rest_written_only_if_it_is_whole(cli, root, kind):
    said = cli("touch", "--yes", "--snippet", kind)
    assert said.code == 3
    assert "By hand, in b.py:3: it is unclear where y is set\n    y = 1\n" in said.out
    assert ("x = 1" in (root / "a.py").read_text()) is (kind == "optional")
    assert ("Nothing was written" in said.out) is (kind == "required")


@pytest.mark.parametrize("in_git", [True, False])
def test_undo_restores_the_exact_bytes(cli, root, git, in_git):
    if in_git:
        git("init", "-q", cwd=root)
        git("add", "-A", cwd=root)
        git("-c", "user.name=a", "-c", "user.email=a", "commit", "-q", "-m", "x", cwd=root)
    (root / "a.py").write_bytes(b"a = 1\r\n")
    cli("touch", "--yes", *(["--allow-dirty"] if in_git else []))
    assert (root / "a.py").read_bytes() == b"a = 1\r\nx = 1\n"
    said = cli("touch", "--undo")
    assert (said.code, "-x = 1" in said.out) == (2, True)
    said = cli("touch", "--undo", "--yes")
    assert (said.code, said.out.splitlines()[-1]) == (0, "Done.")
    assert (root / "a.py").read_bytes() == b"a = 1\r\n"
    said = cli("touch", "--undo", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: There is nothing to undo here.")


def test_a_dirty_tree_is_refused_only_for_files_that_would_change(cli, root, git):
    (root / "below").mkdir()
    git("init", "-q", cwd=root.parent)
    git("add", "-A", cwd=root)
    git("-c", "user.name=a", "-c", "user.email=a", "commit", "-q", "-m", "x", cwd=root)
    (root / "b.py").write_text("b = 2\n")
    (root / "c.py").write_text("c = 2\n")
    assert cli("touch", "--yes").code == 0  # what others changed does not matter
    (root / "a.py").write_text("a = 2\n")
    said = cli("touch", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: These files have uncommitted changes: a.py")
    assert cli("touch", "--dry-run").code == 0
    assert (root / "a.py").read_text() == "a = 2\n"
    assert cli("touch", "--yes", "--allow-dirty").code == 0


def test_before_the_first_commit_it_is_enough_that_files_are_staged(cli, root, git):
    git("init", "-q")
    git("add", "-A", "project")
    assert cli("touch", "--yes").code == 0
    assert cli("touch", "--undo", "--yes").code == 0
    (root / "a.py").write_text("a = 2\n")
    said = cli("touch", "--yes")
    assert (said.code, said.err.splitlines()[0]) == (1, "Error: These files have uncommitted changes: a.py")


def test_what_an_earlier_run_wrote_is_not_the_users_work(cli, root, git):
    git("init", "-q", cwd=root)
    git("add", "-A", cwd=root)
    git("-c", "user.name=a", "-c", "user.email=a", "commit", "-q", "-m", "x", cwd=root)
    assert cli("touch", "--yes").code == 0
    assert cli("touch", "--yes", "--value", "2").code == 0  # with nothing committed in between
    (root / "a.py").write_text("a = 1\nx = 1\nmine\n")
    assert cli("touch", "--yes", "--value", "2").code == 1


def test_a_killed_run_is_taken_back_first(cli, root):
    cli("touch", "--yes")
    (root / ".djcelery/1.done").rename(root / ".djcelery/1.applying")
    said = cli("touch", "--dry-run")
    assert said.err == "An earlier run was interrupted. Its changes were undone first.\n"
    assert (root / "a.py").read_text() == "a = 1\n"
