"""Build a layout, run `djcelery init` on it, and run the project's own commands."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from tests.init.layouts import Layout
from tests.projects import environment

NOT_FILES_OF_THE_PROJECT = ("__pycache__", ".git/", ".djcelery/", "db.sqlite3")


class ExistingProject:
    """Hold one project on the disk."""

    def __init__(self, layout: Layout, root: Path) -> None:
        self.layout = layout
        self.root = layout.build(root)
        self.manage_py = self.root / layout.manage

    @property
    def is_in_src(self) -> bool:
        """Return whether manage.py adds the folder of the packages to the path."""
        return "sys.path" in self.manage_py.read_text()

    def git(self, *words: str) -> None:
        """Put what is there into a commit."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *identity, *words], cwd=self.root, check=True, capture_output=True)

    def contents(self) -> dict[str, str]:
        """Return the hash of each file by its path."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not any(part in path.as_posix() for part in NOT_FILES_OF_THE_PROJECT)
        }

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `python WORDS` where the project's manage.py is or must be called from."""
        env = environment() | self.layout.variables | variables
        folder = self.root if self.is_in_src else self.manage_py.parent
        return subprocess.run(
            [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
        )

    def manage(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", *words, **variables)

    def init(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "djcelery", "init", str(self.root), *words]
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)

    def own_tests(self, *labels: str) -> tuple[int, str]:
        """Run the project's tests, by default all that are found, and return their exit code and their result."""
        done = self.manage("test", *(labels or (["shop"] if self.is_in_src else [])))
        lines = done.stderr.strip().splitlines()
        return done.returncode, "\n".join(line for line in lines if line.startswith(("OK", "FAILED", "Ran")))[:6]
