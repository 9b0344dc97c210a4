"""Test the first commit, and every way in which a machine's git may be unlike another's."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from djcelery import interrupts, repository
from tests.process_state import ENDED, state


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """Return a git that knows Jane and nothing else."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n name = Jane Doe\n email = jane@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "shop"
    made.mkdir()
    (made / "manage.py").touch()
    return made


def test_identity(clean):
    assert repository.identity() == {"author": "Jane Doe", "email": "jane@example.org"}


def test_no_identity(clean):
    clean.write_text("")
    assert repository.identity() == {}


def test_one_commit_on_main_by_the_user(clean, folder, git):
    assert repository.first_commit(folder, "Start") == ""
    assert git("log", "--format=%an <%ae> %s", cwd=folder) == "Jane Doe <jane@example.org> Start"
    assert git("branch", "--show-current", cwd=folder) == "main"
    assert git("status", "--short", cwd=folder) == ""


def test_the_users_own_branch_name_is_kept(clean, folder, git):
    clean.write_text(clean.read_text() + "[init]\n defaultBranch = trunk\n")
    repository.first_commit(folder, "Start")
    assert git("branch", "--show-current", cwd=folder) == "trunk"


def test_without_identity_the_files_are_staged_and_one_line_says_so(clean, folder, git):
    clean.write_text("")
    note = repository.first_commit(folder, "Start")
    assert "user.name" in note
    assert "\n" not in note
    assert git("status", "--short", cwd=folder) == "A  manage.py"


def test_without_git_one_line_says_so(monkeypatch, folder, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository.identity() == {}
    assert "not installed" in repository.first_commit(folder, "Start")
    assert not (folder / ".git").exists()


def test_nothing_of_the_user_is_asked_signed_or_run(clean, folder, tmp_path, git):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "prepare-commit-msg"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "ignore").write_text("manage.py\n")
    clean.write_text(
        f"{clean.read_text()}[core]\n hooksPath = {hooks}\n excludesFile = {tmp_path}/ignore\n editor = false\n"
        "[commit]\n gpgSign = true\n[gpg]\n program = false\n"
    )
    assert repository.first_commit(folder, "Start") == ""
    assert not (tmp_path / "ran").exists()
    assert git("ls-files", cwd=folder) == "manage.py"


@pytest.mark.parametrize("source", ["setting", "variable"])
def test_a_template_of_the_user_leaves_nothing_out(clean, folder, tmp_path, monkeypatch, git, source):
    template = tmp_path / "template"
    (template / "info").mkdir(parents=True)
    (template / "info" / "exclude").write_text("manage*\n")
    if source == "setting":
        clean.write_text(f"{clean.read_text()}[init]\n templateDir = {template}\n")
    else:
        monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template))
    assert repository.first_commit(folder, "Start") == ""
    assert git("ls-files", cwd=folder) == "manage.py"


def test_what_the_commit_lacks_is_named_and_what_the_project_ignores_is_not(clean, folder, monkeypatch):
    (folder / "settings").mkdir()
    (folder / "settings" / "local.py").touch()
    (folder / ".gitignore").write_text(".env\n")
    (folder / ".env").touch()
    kept = repository._git

    def with_policy(where, *arguments):
        result = kept(where, *arguments)
        if arguments[0] == "init":
            (where / ".git" / "info").mkdir(exist_ok=True)
            (where / ".git" / "info" / "exclude").write_text("local*\n")
        return result

    monkeypatch.setattr(repository, "_git", with_policy)
    note = repository.first_commit(folder, "Start")
    assert note == "git left 1 of the project's files out of the first commit, such as settings/local.py."


def test_the_environment_of_a_git_hook_does_not_lead_elsewhere(clean, folder, tmp_path, monkeypatch, git):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert repository.first_commit(folder, "Start") == ""
    assert (folder / ".git").is_dir()
    assert not (tmp_path / "other").exists()


def test_a_git_that_fails_costs_the_repository_and_not_the_project(folder, tmp_path, monkeypatch):
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *var*|*init*) exit 0;; esac\nmkdir -p .git\necho "fatal: no" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    assert repository.first_commit(folder, "Start") == "git failed, so no repository was created: fatal: no"
    assert not (folder / ".git").exists()


def test_an_interrupted_git_ends_with_its_children(folder, tmp_path, monkeypatch):
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/pid\nkill -TERM {os.getpid()}\nwait\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        repository.first_commit(folder, "Start")
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while state(child) not in ENDED:
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.05)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_while_git_starts_ends_it_too(folder, tmp_path, monkeypatch):
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    started = []

    class SlowToReturn(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", SlowToReturn)
    with pytest.raises(interrupts.Interrupted), interrupts.raised():
        repository.first_commit(folder, "Start")
    assert started[0].returncode == -signal.SIGKILL


def test_inside_a_work_tree_there_is_no_second_repository(clean, cli, tmp_path, git):
    git("init", "-q")
    said = cli("new", "deep/shop", "--yes")
    assert said.code == 0
    assert f"{tmp_path} is already a git repository" in said.err
    assert not (tmp_path / "deep/shop/.git").exists()


def test_the_project_is_committed_without_its_env(clean, cli, tmp_path, git):
    assert cli("new", "shop", "--yes").code == 0
    assert git("status", "--short", cwd=tmp_path / "shop") == ""
    tracked = git("ls-files", cwd=tmp_path / "shop").splitlines()
    assert ".env" not in tracked
    assert {".djcelery.toml", ".env.example"} <= set(tracked)


def test_no_git_makes_no_repository(clean, cli, tmp_path):
    cli("new", "shop", "--no-git")
    assert not (tmp_path / "shop/.git").exists()


def test_an_unusable_name_in_git_is_left_out(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "identity", lambda: {"author": 'Jane "J" Doe', "email": "jane@example.org"})
    assert "--author ''" in cli("new", "shop", "--no-git").out
