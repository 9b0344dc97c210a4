"""Test that the how-to pages without Python tell what a generated project has and does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.projects import environment, succeed

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
BIN = Path(sys.executable).parent


def run(command: str, folder: Path, **variables: str) -> str:
    """Run one line of a page in this environment and with more variables, and return what it prints."""
    known = {**environment(), "PATH": f"{BIN}:{environment()['PATH']}", **variables}
    return succeed(["sh", "-c", command.replace(".venv/bin/", f"{BIN}/")], cwd=folder, env=known)


def test_the_procfile_is_the_one_of_a_project():
    procfile = (ROOT / "{{cookiecutter.project_slug}}" / "Procfile").read_text()

    assert procfile.replace("{{ cookiecutter.project_slug }}", "shop") in (HOW_TO / "procfile.md").read_text()


def test_each_line_of_the_procfile_can_start_in_production(tmp_path):
    run("djcelery new shop --broker redis", tmp_path)
    shop = tmp_path / "shop"
    production = {
        "DJANGO_SETTINGS_MODULE": "shop.settings.production",
        "DJANGO_SECRET_KEY": "k" * 50,
        "DJANGO_ALLOWED_HOSTS": "shop.example",
        "DATABASE_URL": f"sqlite:///{tmp_path}/shop.sqlite3",
        "REDIS_URL": "redis://localhost:6379/0",
    }
    lines = dict(line.split(": ", 1) for line in (shop / "Procfile").read_text().splitlines())

    run(lines.pop("release"), shop, **production)
    run(f"{lines.pop('web')} --check-config", shop, **production)
    run(f"{lines.pop('beat')} --help", shop, **production)
    for line in lines.values():
        assert " worker " in run(f"{line} --print", shop, **production)

    assert (shop / "staticfiles" / "staticfiles.json").is_file()
    run("python manage.py migrate --check", shop, **production)


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
