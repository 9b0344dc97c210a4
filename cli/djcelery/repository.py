"""The project's git repository and its first commit, made without asking, signing or running anybody's hooks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from djcelery import interrupts

# Whatever a user's configuration starts, asks or rewrites on a commit has no place in the first one.
QUIET = (
    f"core.hooksPath={os.devnull}",
    f"core.excludesFile={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "user.useConfigOnly=true",
    "advice.defaultBranchName=false",
)


def identity() -> dict[str, str]:
    """Return author and e-mail as git knows them; what it does not know is missing."""
    found = _git(Path.cwd(), "config", "--get-regexp", r"^user\.(name|email)$")
    lines = found.stdout.splitlines() if found else []
    known = dict(line.split(" ", 1) for line in lines if " " in line)
    names = {"author": "user.name", "email": "user.email"}
    return {key: known[name].strip() for key, name in names.items() if name in known}


def enclosing(folder: Path) -> Path | None:
    """Return the git work tree that `folder` would lie in, if there is one."""
    return next((parent for parent in folder.parents if (parent / ".git").exists()), None)


def first_commit(folder: Path, message: str) -> str:
    """Make `folder` a repository with one commit. Returns one line for the user if that was not fully done."""
    branch = [] if _succeeds(folder, "config", "--get", "init.defaultBranch") else ["-b", "main"]
    made = _git(folder, "init", "-q", *branch)
    if made is None:
        return "git is not installed, so no repository was made."
    for arguments in (("add", "-A"), ("commit", "-q", "--no-verify", "-m", message)):
        if made.returncode == 0:
            made = _git(folder, *arguments) or made
    if made.returncode == 0:
        return ""
    if not _succeeds(folder, "var", "GIT_COMMITTER_IDENT"):
        return "git knows no user.name and user.email, so the files are staged and not committed."
    shutil.rmtree(folder / ".git", ignore_errors=True)
    said = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"No repository was made, because git failed: {said}"


def _succeeds(folder: Path, *arguments: str) -> bool:
    done = _git(folder, *arguments)
    return done is not None and done.returncode == 0


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run git in `folder` and wait for it; None if there is no git.

    It gets a session of its own, without a terminal to ask on, and the whole of it ends when we are interrupted.
    """
    options = [word for setting in QUIET for word in ("-c", setting)]
    command = ["git", *options, *arguments]
    process = None
    try:
        with interrupts.held():  # a signal waits until we know the child that we have to end
            process = subprocess.Popen(
                command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", start_new_session=True,
            )  # fmt: skip
        stdout, stderr = process.communicate()
    except (FileNotFoundError, PermissionError):
        return None
    except BaseException:
        if process:
            _end(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _end(process: subprocess.Popen[str]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Our environment without what ties git to another repository (set inside a git hook), and without questions."""
    kept = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_EXEC_PATH", "GIT_SSL_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(kept)}
    return inherited | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
