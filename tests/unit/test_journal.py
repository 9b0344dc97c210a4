"""Test that a plan is written whole or not at all, wherever it is killed, and the last run can be undone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from djcelery import journal as journal_module
from djcelery.errors import CommandError
from djcelery.journal import FOLDER, Journal
from djcelery.plan import Plan

KILLS = 200


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of five files: one with a mode of its own, one with Windows line ends, one behind a link."""
    root = tmp_path / "project"
    (root / "app/deep").mkdir(parents=True)
    (root / "app/a.py").write_bytes(b"a = 1\n")
    (root / "app/b.py").write_bytes(b"b = 1\r\n")
    (root / "app/deep/c.py").write_bytes(b"c = 1\n")
    (root / "manage.py").write_bytes(b"#!\n")
    (root / "manage.py").chmod(0o755)
    (root / "real.toml").write_bytes(b"[a]\n")
    (root / "link.toml").symlink_to("real.toml")
    return root


def make_plan(root: Path) -> Plan:
    """Plan to edit four files, remove one with its folder, and create two in new folders."""
    plan = Plan(root)
    for path in ("app/a.py", "app/b.py", "manage.py", "link.toml"):
        plan.write(path, plan.read(path) + b"more\n", "add a line")
    plan.delete("app/deep/c.py", "remove it")
    plan.create("new/folder/d.py", b"d = 1\n", "add it")
    plan.create("new/e.py", b"e = 1\n", "add it")
    return plan


def tree(root: Path) -> dict[str, object]:
    """Return all files below a folder but the journal: their bytes and modes, or where links lead."""
    return {
        path.relative_to(root).as_posix(): str(path.readlink())
        if path.is_symlink()
        else (path.stat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
        if path.relative_to(root).parts[0] not in {FOLDER, ".git"}
    }


def apply_plan(root: Path) -> None:
    Journal(root).apply(make_plan(root), "djcelery test")


def undo_last(root: Path) -> None:
    undo = Journal(root).plan_undo()
    Journal(root).apply(undo.plan, f"undo of {undo.command}", undoes=undo.number)


def run_killed(action: Callable[[], object], at: int | None) -> int:
    """Run an action in a child that kills itself at a line of the code that writes.

    Return the number of lines that ran if `at` is None, otherwise 1 if it was killed and 0 if it had ended before.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        lines = 0

        def trace(frame, event, _argument):
            nonlocal lines
            if not frame.f_code.co_filename.endswith(("journal.py", "plan.py", "safe_files.py")):
                return None
            if event == "line":
                lines += 1
                if lines == at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            sys.settrace(trace)
            with suppress(SystemExit):
                action()
            sys.settrace(None)
            os.write(writer, str(lines).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert killed is (not text)
    return int(killed) if at is not None else int(text)


@pytest.fixture
def copies(root, tmp_path):
    """Return a function that makes a fresh copy of the folder."""

    def copy(source: Path = root) -> Path:
        target = tmp_path / "copy"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, symlinks=True)
        return target

    return copy


def test_a_kill_at_any_point_leaves_all_or_nothing(root, copies):
    before = tree(root)
    done = copies()
    points = run_killed(partial(apply_plan, done), None)
    after = tree(done)
    assert after != before
    outcomes = set()
    for at in random.Random(7).sample(range(1, points + 1), min(KILLS, points)):  # noqa: S311 not for secrets
        folder = copies()
        assert run_killed(partial(apply_plan, folder), at) == 1
        Journal(folder).recover()
        outcomes.add("all" if tree(folder) == after else "nothing" if tree(folder) == before else f"half at {at}")
        if tree(folder) == before:
            Journal(folder).apply(make_plan(folder), "again")
        assert tree(folder) == after
        assert not list(folder.rglob("*.tmp"))
    assert outcomes == {"all", "nothing"}


def test_a_kill_while_undoing_leaves_all_or_nothing_and_undo_works_again(root, copies, tmp_path):
    before = tree(root)
    changed = tmp_path / "changed"
    copies().rename(changed)
    Journal(changed).apply(make_plan(changed), "djcelery test")
    after = tree(changed)
    points = run_killed(partial(undo_last, copies(changed)), None)
    for at in random.Random(8).sample(range(1, points + 1), 60):  # noqa: S311 not for secrets
        folder = copies(changed)
        assert run_killed(partial(undo_last, folder), at) == 1
        Journal(folder).recover()
        assert tree(folder) in (before, after)
        if tree(folder) == after:
            undo = Journal(folder).plan_undo()
            Journal(folder).apply(undo.plan, "undo", undoes=undo.number)
        assert tree(folder) == before
        with pytest.raises(CommandError, match="nothing to undo"):
            Journal(folder).plan_undo()


def test_an_error_on_the_way_leaves_nothing(root, monkeypatch):
    before = tree(root)
    writes = []

    def fail(path, data, mode=None):
        writes.append(path)
        if len(writes) == 4:
            raise OSError(28, "No space left on device")
        original(path, data, mode)

    original = journal_module.write_new
    monkeypatch.setattr(journal_module, "write_new", fail)
    with pytest.raises(OSError, match="No space"):
        Journal(root).apply(make_plan(root), "djcelery test")
    assert tree(root) == before


def test_undo_restores_bytes_modes_and_links_run_by_run(root):
    states = [tree(root)]
    Journal(root).apply(make_plan(root), "first")
    states.append(tree(root))
    plan = Plan(root)
    plan.delete("manage.py")
    Journal(root).apply(plan, "second")
    for command in ("second", "first"):
        undo = Journal(root).plan_undo()
        assert undo.command == command
        Journal(root).apply(undo.plan, "undo", undoes=undo.number)
        assert tree(root) == states.pop()


def test_a_mode_is_a_change_and_undo_restores_it(root):
    (root / "manage.py").chmod(0o644)
    plan = Plan(root)
    plan.read("manage.py")
    plan.modes["manage.py"] = 0o755
    assert plan.changed == ["manage.py"]
    Journal(root).apply(plan, "djcelery test")
    assert (root / "manage.py").stat().st_mode & 0o777 == 0o755
    undo = Journal(root).plan_undo()
    Journal(root).apply(undo.plan, "undo", undoes=undo.number)
    assert (root / "manage.py").stat().st_mode & 0o777 == 0o644


def test_undo_can_take_back_edits_that_were_made_since(root):
    before = tree(root)
    Journal(root).apply(make_plan(root), "djcelery test")
    (root / "app/a.py").write_text("mine\n")
    undo = Journal(root).plan_undo(even_edited=True)
    assert undo.edited == ["app/a.py"]
    Journal(root).apply(undo.plan, "undo", undoes=undo.number)
    assert tree(root) == before


def test_undo_refuses_files_that_were_edited_since(root):
    Journal(root).apply(make_plan(root), "djcelery test")
    (root / "app/a.py").write_text("mine\n")
    edited = tree(root)
    with pytest.raises(CommandError, match=r"so it cannot be undone: app/a\.py"):
        Journal(root).plan_undo()
    assert tree(root) == edited


def test_a_file_edited_after_a_kill_is_left_alone(root):
    Journal(root).apply(make_plan(root), "djcelery test")
    folder = Journal(root).folder
    (folder / "1.done").rename(folder / "1.applying")  # as if it had been killed before its last step
    (root / "app/a.py").write_text("mine\n")
    assert Journal(root).recover()
    assert (root / "app/a.py").read_text() == "mine\n"
    assert (root / "app/b.py").read_bytes() == b"b = 1\r\n"


def test_a_plan_that_is_no_longer_true_is_refused(root):
    plan = make_plan(root)
    (root / "app/a.py").write_text("mine\n")
    before = tree(root)
    with pytest.raises(CommandError, match=r"app/a\.py changed in the meantime"):
        Journal(root).apply(plan, "djcelery test")
    assert tree(root) == before


def test_only_one_at_a_time(root):
    journal = Journal(root)
    journal._make_folder()
    with journal._locked(), pytest.raises(CommandError, match="Another djcelery"):
        Journal(root).apply(make_plan(root), "djcelery test")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x"])
def test_a_journal_from_a_stranger_writes_nothing_outside(root, path):
    Journal(root).apply(make_plan(root), "djcelery test")
    folder = Journal(root).folder
    file = folder / "1.done/journal.json"
    file.write_text(file.read_text().replace("app/a.py", path))
    (folder / "1.done").rename(folder / "1.applying")
    with pytest.raises(CommandError, match="names a file outside"):
        Journal(root).recover()


def test_the_journal_is_in_the_repository_or_ignores_itself(root, git):
    assert Journal(root).folder == root / FOLDER
    Journal(root).apply(make_plan(root), "djcelery test")
    git("init", "-q", cwd=root)
    assert FOLDER not in git("status", "--porcelain", "-uall", cwd=root)
    assert Journal(root).folder == root / ".git/djcelery/root"
    assert Journal(root / "app").folder.parent == root / ".git/djcelery"
    assert Journal(root / "app").folder != Journal(root).folder


def test_old_runs_are_removed(root, monkeypatch):
    monkeypatch.setattr(journal_module, "MAX_RUNS", 2)
    for number in range(4):
        plan = Plan(root)
        plan.write("app/a.py", b"%d\n" % number)
        Journal(root).apply(plan, str(number))
    assert sorted(path.name for path in Journal(root).folder.glob("*.done")) == ["3.done", "4.done"]
