"""Make the project's git repository and its first commit, without prompts, signing or anybody's hooks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from djcelery import interrupts

# The first commit must not run, ask or rewrite anything that a user's configuration names.
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

MAX_NAMED = 500  # paths on a command line; with more, git lists what changed anywhere


def identity() -> dict[str, str]:
    """Return the author and email that git is configured with; what git does not know is missing."""
    listing = _git(Path.cwd(), "config", "--get-regexp", r"^user\.(name|email)$")
    lines = listing.stdout.splitlines() if listing else []
    settings = dict(line.split(" ", 1) for line in lines if " " in line)
    names = {"author": "user.name", "email": "user.email"}
    return {key: settings[name].strip() for key, name in names.items() if name in settings}


def enclosing(folder: Path) -> Path | None:
    """Return the git work tree that contains `folder`, or None."""
    return next((parent for parent in folder.parents if (parent / ".git").exists()), None)


def uncommitted(folder: Path, paths: Collection[str]) -> set[str]:
    """Return those of the paths below `folder` that hold changes which git does not have.

    Files that git ignores do not count. Before the first commit, it is enough that a file is staged. Without git, or
    outside of a repository, there are none.
    """
    top = enclosing(folder.resolve() / "any")
    if top is None or not paths:
        return set()
    named = ["--", *sorted(paths)] if len(paths) <= MAX_NAMED else []
    result = _git(folder, "--no-optional-locks", "status", "--porcelain", "-z", "--untracked-files=all",
                  "--no-renames", *named)  # fmt: skip
    if result is None or result.returncode != 0:
        return set()
    prefix = folder.resolve().relative_to(top).as_posix()
    start = "" if prefix == "." else f"{prefix}/"
    records = [record for record in result.stdout.split("\0") if record]
    if any(record.startswith("A ") for record in records) and not _succeeds(
        folder, "rev-parse", "-q", "--verify", "HEAD"
    ):
        records = [record for record in records if not record.startswith("A ")]
    return {record[3:].removeprefix(start) for record in records} & set(paths)


def tracked(folder: Path) -> set[str] | None:
    """Return the paths below `folder` that git tracks, or None outside of a repository or without git."""
    if enclosing(folder.resolve() / "any") is None:
        return None
    result = _git(folder, "ls-files", "-z")
    if result is None or result.returncode != 0:
        return None
    return {path for path in result.stdout.split("\0") if path}


def committed_versions(folder: Path, path: str, beside: str) -> Iterator[bytes]:
    """Yield the contents that a file had in the commits that changed the file `beside`, the first commit first."""
    result = _git(folder, "log", "--format=%H", "--reverse", "--", beside)
    for commit in result.stdout.split() if result is not None and result.returncode == 0 else ():
        blob = run(folder, "cat-file", "blob", f"{commit}:./{path}")
        if blob is not None and blob.returncode == 0:
            yield blob.stdout


def save_reference(folder: Path, name: str) -> str | None:
    """Keep the work tree's tracked files, committed or not, as `refs/djcelery/NAME`. Return the reference, if it is."""
    stash = _git(folder, "stash", "create")
    commit = stash.stdout.strip() if stash is not None and stash.returncode == 0 else ""
    reference = f"refs/djcelery/{name}"
    return reference if _succeeds(folder, "update-ref", reference, commit or "HEAD") else None


def first_commit(folder: Path, message: str) -> str:
    """Make `folder` a repository with one commit. Return a note for the user if that did not fully succeed."""
    branch = [] if _succeeds(folder, "config", "--get", "init.defaultBranch") else ["-b", "main"]
    result = _git(folder, "init", "-q", "--template=", *branch)
    if result is None:
        return "git is not installed, so no repository was created."
    for arguments in (("add", "-A"), ("commit", "-q", "--no-verify", "-m", message)):
        if result.returncode == 0:
            result = _git(folder, *arguments) or result
    if result.returncode == 0:
        return _left_out(folder)
    if not _succeeds(folder, "var", "GIT_COMMITTER_IDENT"):
        return "git has no user.name and user.email, so the files are staged but not committed."
    shutil.rmtree(folder / ".git", ignore_errors=True)
    reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"git failed, so no repository was created: {reason}"


def _left_out(folder: Path) -> str:
    """Return a note that names the files which the commit lacks, other than those that the project itself ignores.

    Whatever a user's configuration can say about files is seen in the result, and need not be known here.
    """
    tracked = _paths(folder, "ls-files", "-z")
    ignored = _paths(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-per-directory=.gitignore")
    missing = sorted(_written(folder) - tracked - ignored)
    if not missing:
        return ""
    return f"git left {len(missing)} of the project's files out of the first commit, such as {missing[0]}."


def _paths(folder: Path, *arguments: str) -> set[str]:
    """Return the paths that a command of git lists."""
    result = _git(folder, *arguments)
    return {path for path in result.stdout.split("\0") if path} if result is not None else set()


def _written(folder: Path) -> set[str]:
    """Return the path of every file in the folder, without the repository itself."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and path.relative_to(folder).parts[0] != ".git"
    }


def _succeeds(folder: Path, *arguments: str) -> bool:
    result = _git(folder, *arguments)
    return result is not None and result.returncode == 0


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run git in `folder` and return what it said as text. Return None if git is not installed."""
    done = run(folder, *arguments)
    if done is None:
        return None
    texts = [data.decode("utf-8", "replace").replace("\r\n", "\n") for data in (done.stdout, done.stderr)]
    return subprocess.CompletedProcess(done.args, done.returncode, *texts)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run git in `folder` and wait for it. Return None if git is not installed.

    Git gets its own session, without a terminal to ask on, and the whole session is killed when we are interrupted.
    """
    options = [word for setting in QUIET for word in ("-c", setting)]
    command = ["git", *options, *arguments]
    process = None
    try:
        with interrupts.deferred():  # a signal waits until we know which child to kill
            process = subprocess.Popen(
                command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        stdout, stderr = process.communicate()
    except (FileNotFoundError, PermissionError):
        return None
    except BaseException:
        if process:
            _kill(process)
        raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Return our environment without what ties git to another repository (set inside a git hook), and no prompts."""
    kept = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_", "GIT_EXEC_PATH", "GIT_SSL_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(kept)}
    return inherited | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
