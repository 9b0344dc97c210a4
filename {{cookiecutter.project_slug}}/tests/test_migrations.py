"""Migrations run while the site does: they must not hold locks for long, or remove what the old code still uses.

squawk checks their SQL for PostgreSQL. The migrations that came with the project ran on an empty database and are
skipped. If a migration is slow on purpose and runs while the site is closed, add its name to ALLOWED.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

ALLOWED: set[str] = set()  # for example "books/0007"
# Matters of taste, and timeouts that `migrate` gets from Procfile, compose.yaml and systemd.
EXCLUDED_RULES = [
    "prefer-bigint-over-int",
    "prefer-robust-stmts",
    "prefer-text-field",
    "require-lock-timeout",
    "require-statement-timeout",
    "transaction-nesting",  # the BEGIN of sqlmigrate
]
SHIPPED = tomllib.loads((settings.BASE_DIR / ".djcelery.toml").read_text(encoding="utf-8"))["files"]


def problems(sql: str) -> str:
    """Return what squawk reports about the statements, or an empty string."""
    squawk = shutil.which("squawk", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [squawk, "--stdin-filepath", "migration.sql", f"--exclude={','.join(EXCLUDED_RULES)}"]
    result = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def new_migrations() -> list[tuple[str, str]]:
    """Return the app and the name of each migration that the team has written."""
    folders = {config.label: Path(config.path) for config in apps.get_app_configs()}
    paths = {
        (app, name): folders[app] / "migrations" / f"{name}.py"
        for app, name in MigrationLoader(None).disk_migrations
        if folders[app].parent == settings.BASE_DIR
    }
    return sorted(
        (app, name)
        for (app, name), path in paths.items()
        if path.relative_to(settings.BASE_DIR).as_posix() not in SHIPPED and f"{app}/{name[:4]}" not in ALLOWED
    )


@pytest.mark.services
@pytest.mark.django_db
def test_no_migration_locks_a_table_that_is_in_use():
    for app, name in new_migrations():
        sql = call_command("sqlmigrate", app, name, no_color=True)
        assert not problems(sql), f"{app}/{name}\n{problems(sql)}"


def test_only_new_migrations_are_checked(monkeypatch):
    first = ("users", "0001_initial")
    assert first not in new_migrations()

    monkeypatch.setitem(globals(), "SHIPPED", {})
    assert first in new_migrations()

    monkeypatch.setitem(globals(), "ALLOWED", {"users/0001"})
    assert first not in new_migrations()
