"""Make projects for tests with the command, and judge them by their own tools."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# What a command of a project may see of this process. The rest would change what it does: a DATABASE_URL or a
# DJANGO_SETTINGS_MODULE that a developer has set, the addresses of servers, pytest's own variables.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PIP_INDEX_URL", "UV_INDEX_URL", "UV_CACHE_DIR")

SHELF = "DJCELERY_MADE_PROJECTS"  # the environment variable that names a folder of them

# With these a server would start; none of them is read by a check.
PRODUCTION = {
    "DJANGO_SECRET_KEY": "k3J!fQz7" * 8,
    "DJANGO_ALLOWED_HOSTS": "example.com",
    "DATABASE_URL": "postgres://user:password@localhost/name",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.com:587",
    "REDIS_URL": "redis://localhost:6379/0",
    "AMQP_URL": "amqp://guest:guest@localhost:5672//",
}


@dataclass(frozen=True)
class Project:
    """Hold a generated project and the interpreter that runs it."""

    path: Path
    python: Path = Path(sys.executable)

    @property
    def slug(self) -> str:
        return self.path.name

    def run(self, *words: str, timeout: float = 300, **variables: str) -> str:
        """Run `python WORDS` in the project and return what it printed."""
        return succeed([self.python, *words], cwd=self.path, env=environment() | variables, timeout=timeout)

    def manage(self, *words: str, **variables: str) -> str:
        return self.run("manage.py", *words, **variables)

    def lint(self) -> None:
        self.run("-m", "ruff", "check", "--no-cache", ".")
        self.run("-m", "ruff", "format", "--check", "--no-cache", ".")

    def compile(self) -> None:
        self.run("-W", "error", "-m", "compileall", "-q", ".")

    def check(self) -> None:
        """Ask Django itself, as in production and as on a laptop."""
        production = {"DJANGO_SETTINGS_MODULE": f"{self.slug}.settings.production", **PRODUCTION}
        found = self.manage("check", "--deploy", "--fail-level", "WARNING", **production)
        assert "no issues (2 silenced)" in found  # both about HSTS, which starts small
        self.manage("makemigrations", "--check", "--dry-run")

    def test(self, *words: str) -> str:
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


def environment() -> dict[str, str]:
    """Return the environment of a developer who has set nothing."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def succeed(command: Sequence[str | Path], **options: Any) -> str:
    """Run a command and return what it printed. Fails the test, and shows that, unless it exits with 0."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, **streams, text=True, check=False, **options)
    assert done.returncode == 0, f"exit {done.returncode} of {' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def make(folder: Path, slug: str, flags: Sequence[str] = (), python: Path = Path(sys.executable)) -> Project:
    """Return a project made by `djcelery new`, without git, in `folder`: a copy of the one that this run made so."""
    shutil.copytree(_made(slug, tuple(flags)), folder / slug)  # with the times of its files, which keeps it compiled
    return Project(folder / slug, python)


@cache
def _made(slug: str, flags: tuple[str, ...]) -> Path:
    """Return the project that the first test to ask made with this name and these flags, its library compiled.

    To make and compile one takes two seconds of CPU, and a run needs each of some twenty up to ten times.
    """
    shelf = _shelf()
    place = shelf / hashlib.sha256("\0".join([slug, *flags]).encode()).hexdigest()[:16]
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=shelf) as beside:
            new = Path(beside) / "new"
            command = [sys.executable, "-m", "djcelery", "new", new / slug, "--no-input", "--no-git", *flags]
            succeed(command, env=environment(), timeout=60)
            compiling = [sys.executable, "-W", "error", "-m", "compileall", "-q", new / slug / "djcelery_jobs"]
            succeed(compiling, env=environment())
            with suppress(OSError):  # another process was faster
                new.rename(place)
    return place / slug


def _shelf() -> Path:
    """Return the folder of the projects that all processes of a test run share, or one for this process."""
    if SHELF not in os.environ:
        os.environ[SHELF] = tempfile.mkdtemp(prefix="djcelery-projects-")
        atexit.register(shutil.rmtree, os.environ[SHELF], ignore_errors=True)
    return Path(os.environ[SHELF])


def interpreter(version: str) -> str | None:
    """Return a Python of this version on this machine: named by PYTHON313 or the like, on PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        os.environ.get(f"PYTHON{version.replace('.', '')}"),
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)),
    ]
    return next((path for path in candidates if path and _is(path, version)), None)


def _is(path: str, version: str) -> bool:
    """Return whether it really starts: pyenv puts names on PATH that only say that they are not chosen."""
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version
