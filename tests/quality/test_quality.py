"""Run lint, format, types and import directions as tests, so that one command checks everything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# The template is judged as what it becomes: rendered, by its own rules, in tests/template.
OURS = ["cli", "lib", "hooks", "tests", "benchmarks", "docs"]
TEXTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
WORKFLOWS = [str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))]
CHECKS = [
    ["ruff", "check", "--no-cache", *OURS],
    ["ruff", "format", "--no-cache", "--check", *OURS],
    ["mypy"],
    ["lint-imports"],
    ["zizmor", "--offline", "--quiet", ".github"],
    ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
    ["codespell", *OURS, "{{cookiecutter.project_slug}}", *TEXTS],
]


@pytest.mark.parametrize("command", CHECKS, ids=lambda command: " ".join(command[:2]))
def test_passes(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_pinned_by_its_commit():
    uses = [line for name in WORKFLOWS for line in (ROOT / name).read_text().splitlines() if "uses:" in line]

    assert uses
    assert [line for line in uses if not re.search(r"@[0-9a-f]{40} # v[0-9.]+$", line)] == []


def test_ci_runs_the_command_of_the_readme():
    [command] = re.findall(r"^## Tests\n\n```console\n(.*?)\n```", (ROOT / "README.md").read_text(), flags=re.MULTILINE)

    assert f"- run: {command}\n" in (ROOT / ".github/workflows/ci.yml").read_text()
