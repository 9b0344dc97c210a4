"""Lint, format, types and import directions, as tests, so that one command checks everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# The template is judged as what it becomes: rendered, by its own rules, in tests/template.
OURS = ["cli", "lib", "hooks", "tests", "benchmarks", "docs"]
TEXTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
CHECKS = [
    ["ruff", "check", "--no-cache", *OURS],
    ["ruff", "format", "--no-cache", "--check", *OURS],
    ["mypy"],
    ["lint-imports"],
    ["codespell", *OURS, "{{cookiecutter.project_slug}}", *TEXTS],
]


@pytest.mark.parametrize("command", CHECKS, ids=lambda command: " ".join(command[:2]))
def test_passes(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
