"""Provide released-like versions, and a project of the first one that each test may change."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.update.releases import JANE, Release, freeze

LINES = [f"line_{number} = {number}\n" for number in range(1, 21)]
MODULE = "".join(LINES)
STYLED = "".join(f"name_{number} = [ 'a{number}','b{number}' ]\n" for number in range(1, 11))
MIGRATION = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = []
"""


def first(template: Path, _: Path) -> None:
    """Give 0.2.0 files that later versions change, besides those that a project has anyway."""
    extra = template / "extra"
    extra.mkdir()
    for name in ("both", "clash", "deleted", "dropped", "renamed", "moved", "windows", "same"):
        text = MODULE.replace("line_", f"{name}_")
        (extra / f"{name}.py").write_text(text)
    (extra / "styled.py").write_text(STYLED)
    (extra / "mark.png").write_bytes(b"\x89PNG\0one")
    (extra / "run.sh").write_text("#!/bin/sh\n")


def second(template: Path, library: Path) -> None:
    """Make 0.3.0 of 0.2.0."""
    first(template, library)
    extra = template / "extra"
    for name in ("both", "clash", "deleted", "moved", "windows", "same", "renamed"):
        file = extra / f"{name}.py"
        file.write_text(file.read_text().replace(f"{name}_3 = 3\n", f"{name}_3 = 'new'\n"))
    (extra / "dropped.py").unlink()
    (extra / "renamed.py").rename(extra / "other_name.py")
    (extra / "styled.py").write_text(STYLED.replace("'a3'", "'new'"))
    (extra / "mark.png").write_bytes(b"\x89PNG\0two")
    (extra / "run.sh").chmod(0o755)
    for name in ("added", "ignored"):
        (extra / f"{name}.py").write_text("added = 'by the template'\n")
    (template / "orders/migrations/0002_template.py").write_text(MIGRATION)
    (template / "manage.py").write_text((template / "manage.py").read_text() + "# 0.3.0\n")
    (library / "conf.py").write_text((library / "conf.py").read_text() + "# 0.3.0\n")
    (library / "fresh.py").write_text('"""New."""\n')
    (library / "vendored.py").write_text((library / "vendored.py").read_text() + "# 0.3.0\n")


def third(template: Path, library: Path) -> None:
    """Make 0.4.0 of 0.3.0."""
    second(template, library)
    file = template / "extra/both.py"
    file.write_text(file.read_text().replace("both_18 = 18\n", "both_18 = '0.4.0'\n"))
    (template / "extra/late.py").write_text("late = 4\n")


def fourth(template: Path, library: Path) -> None:
    """Make 0.5.0 of 0.4.0."""
    third(template, library)
    (template / "extra/late.py").write_text("late = 5\n")
    file = template / "extra/both.py"
    file.write_text(file.read_text().replace("both_1 = 1\n", "both_1 = '0.5.0'\n"))


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    """Return four released versions; each carries the ones before it."""
    folder = tmp_path_factory.mktemp("releases")
    frozen: list[Release] = []
    for version, change in (("0.2.0", first), ("0.3.0", second), ("0.4.0", third), ("0.5.0", fourth)):
        frozen.append(freeze(folder / version, version, change, tuple(frozen)))
    return {release.version: release for release in frozen}


@pytest.fixture(scope="session")
def pristine(versions: dict[str, Release], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a vendored and an installed project of 0.2.0, each with its first commit."""
    folder = tmp_path_factory.mktemp("pristine")
    made = {}
    for kind in ("vendor", "no-vendor"):
        (folder / kind).mkdir()
        done = versions["0.2.0"].run(folder / kind, "new", "shop", f"--{kind}", "--no-input")
        assert done.returncode == 0, done.stderr
        made[kind] = folder / kind / "shop"
    return made


class Team:
    """Change a project as a team does. Lines of the team hold the word TEAM."""

    def __init__(self, path: Path, versions: dict[str, Release]) -> None:
        self.path = path
        self.versions = versions

    def read(self, path: str) -> str:
        return (self.path / path).read_text()

    def write(self, path: str, text: str) -> None:
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_bytes(text.encode())

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.path / path).read_bytes().decode()
        assert old in text
        self.write(path, text.replace(old, new))

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.path, check=True, capture_output=True, text=True,
                              env=self.versions["0.2.0"].environment() | JANE)  # fmt: skip
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "Ours")

    def run(self, *words: str, version: str = "0.3.0") -> subprocess.CompletedProcess[str]:
        return self.versions[version].run(self.path, "update", *words)

    def update(self, *words: str, version: str = "0.3.0", code: int = 0) -> subprocess.CompletedProcess[str]:
        """Update, and assert the exit code and that no line of the team was lost."""
        before = self.lines()
        done = self.run("--yes", *words, version=version)
        assert done.returncode == code, done.stdout[-2000:] + done.stderr
        lost = before - self.lines()
        assert not lost, f"lost: {lost}"
        return done

    def lines(self) -> Counter[bytes]:
        """Return the lines of the team, wherever they are."""
        return Counter(line.strip() for data in self.tree().values() for line in data.splitlines() if b"TEAM" in line)

    def tree(self) -> dict[str, bytes]:
        """Return the bytes of each file, without git and the journal."""
        paths = [path for path in self.path.rglob("*") if path.is_file() and not path.is_symlink()]
        named = {path.relative_to(self.path).as_posix(): path for path in paths}
        return {name: path.read_bytes() for name, path in named.items() if not name.startswith((".git/", ".djcelery/"))}


@pytest.fixture
def team(pristine: dict[str, Path], versions: dict[str, Release], tmp_path: Path) -> Team:
    """Return a team whose project has the library as a folder."""
    shutil.copytree(pristine["vendor"], tmp_path / "shop", symlinks=True)
    return Team(tmp_path / "shop", versions)


@pytest.fixture
def installed(pristine: dict[str, Path], versions: dict[str, Release], tmp_path: Path) -> Team:
    """Return a team whose project depends on the library."""
    shutil.copytree(pristine["no-vendor"], tmp_path / "shop", symlinks=True)
    return Team(tmp_path / "shop", versions)
