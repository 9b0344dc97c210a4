"""Freeze the command and its template as released versions, each with the earlier ones in its archive."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from djcelery.updating import releases

ROOT = Path(__file__).parents[2]
TEMPLATE = "{{cookiecutter.project_slug}}"
JANE = {
    "GIT_AUTHOR_NAME": "Jane", "GIT_AUTHOR_EMAIL": "jane@example.org",
    "GIT_COMMITTER_NAME": "Jane", "GIT_COMMITTER_EMAIL": "jane@example.org",
}  # fmt: skip


@dataclass(frozen=True)
class Release:
    """Hold a command that was frozen as a released version."""

    version: str
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "djcelery/_template"

    def environment(self) -> dict[str, str]:
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the formatter is
        return {**os.environ, **JANE, "PATH": tools, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a folder, without a terminal."""
        command = [sys.executable, "-m", "djcelery", *words]
        return subprocess.run(command, cwd=folder, env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)  # fmt: skip


def freeze(
    folder: Path, version: str, change: Callable[[Path, Path], None] = lambda template, library: None,
    earlier: tuple[Release, ...] = (),
) -> Release:  # fmt: skip
    """Return a copy of the command as `version`. `change` gets the folders of its template and its library."""
    package = folder / "djcelery"
    shutil.copytree(ROOT / "cli/djcelery", package, ignore=shutil.ignore_patterns("__pycache__"))
    home = package / "_template"
    ignored = shutil.ignore_patterns("__pycache__", "*_cache")
    for name in ("hooks", TEMPLATE):
        shutil.copytree(ROOT / name, home / name, ignore=ignored)
    (home / "lib").mkdir()
    for name in ("lib/pyproject.toml", "CHANGELOG.md", "cookiecutter.json"):
        shutil.copy(ROOT / name, home / name)
    _set_version(package, home, version)
    change(home / TEMPLATE, home / TEMPLATE / "djcelery_jobs")
    if earlier:
        archive = releases.pack({release.version: release.home for release in earlier})
        (package / "releases.tar.xz").write_bytes(archive)
    return Release(version, folder)


def _set_version(package: Path, home: Path, version: str) -> None:
    minor = version.rpartition(".")[0]
    upper = f"{minor.split('.')[0]}.{int(minor.split('.')[1]) + 1}"
    questions = json.loads((home / "cookiecutter.json").read_text())
    questions |= {"_djcelery_version": version, "_released": True, "_library_versions": f">={minor},<{upper}"}
    (home / "cookiecutter.json").write_text(json.dumps(questions))
    for file in (package / "__init__.py", home / TEMPLATE / "djcelery_jobs/__init__.py"):
        file.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', file.read_text()))
    entry = f"# Changes\n\n## {version}\n\n- News of {version}.\n"
    sections = [f"\n## {older}\n\n- News of {older}.\n" for older in ("0.3.0", "0.2.0") if older < version]
    (home / "CHANGELOG.md").write_text(entry + "".join(sections))
