"""Test that the how-to pages without Python tell what a generated project has and does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.projects import environment, succeed

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
BIN = Path(sys.executable).parent


def run(command: str, folder: Path) -> str:
    """Run one line of a page in this environment, and return what it prints."""
    known = {**environment(), "PATH": f"{BIN}:{environment()['PATH']}"}
    return succeed(["sh", "-c", command.replace(".venv/bin/", f"{BIN}/")], cwd=folder, env=known)


def test_the_procfile_is_the_one_of_a_project():
    procfile = (ROOT / "{{cookiecutter.project_slug}}" / "Procfile").read_text()

    assert procfile.replace("{{ cookiecutter.project_slug }}", "shop") in (HOW_TO / "procfile.md").read_text()


def test_the_example_is_removed_by_the_commands_of_the_page(tmp_path):
    [block] = re.findall(
        r"^```console\n(.*?)^```$", (HOW_TO / "remove-the-example.md").read_text(), re.MULTILINE | re.DOTALL
    )
    drop, remove = block.splitlines()
    run("djcelery new shop --broker redis", tmp_path)
    shop = tmp_path / "shop"
    run(".venv/bin/python manage.py migrate", shop)

    run(f".venv/bin/{drop}", shop)
    run(f"{remove} --yes", shop)

    assert not (shop / "orders").exists()
    run(".venv/bin/python manage.py check", shop)
