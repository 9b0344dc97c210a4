"""Migrations run while the site does: none may hold a lock for long, or take away what the old code still uses.

squawk judges their SQL for PostgreSQL. What came with the project ran on an empty database and is left out. For a
migration that is slow on purpose, in a night when the site is closed, write its name into ALLOWED.
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

ALLOWED: set[str] = set()  # "orders/0007"
# Matters of taste, and the timeouts that `migrate` gets from compose.yaml for every statement.
LEFT_OUT = [
    "prefer-bigint-over-int",
    "prefer-robust-stmts",
    "prefer-text-field",
    "require-lock-timeout",
    "require-statement-timeout",
    "transaction-nesting",  # the BEGIN of sqlmigrate
]
SHIPPED = tomllib.loads((settings.BASE_DIR / ".djcelery.toml").read_text(encoding="utf-8"))["files"]


def judge(sql: str) -> str:
    """What squawk has against the statements; nothing when it has nothing."""
    squawk = shutil.which("squawk", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [squawk, "--stdin-filepath", "migration.sql", f"--exclude={','.join(LEFT_OUT)}"]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.services
@pytest.mark.django_db
def test_no_migration_locks_a_table_that_is_in_use():
    for app, name in new_migrations():
        sql = call_command("sqlmigrate", app, name, no_color=True)
        assert not judge(sql), f"{app}/{name}\n{judge(sql)}"


def new_migrations() -> list[tuple[str, str]]:
    """Application and name of each migration of this project that was written since it was made."""
    ours = {config.label: Path(config.path) for config in apps.get_app_configs()}
    paths = {
        (app, name): ours[app] / "migrations" / f"{name}.py"
        for app, name in MigrationLoader(None).disk_migrations
        if ours[app].parent == settings.BASE_DIR
    }
    return sorted(
        (app, name)
        for (app, name), path in paths.items()
        if path.relative_to(settings.BASE_DIR).as_posix() not in SHIPPED and f"{app}/{name[:4]}" not in ALLOWED
    )


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ('CREATE INDEX "i" ON "orders_order" ("email");', "require-concurrent-index-creation"),
        ('ALTER TABLE "orders_order" ALTER COLUMN "email" SET NOT NULL;', "adding-not-nullable-field"),
        ('ALTER TABLE "orders_order" DROP COLUMN "email";', "ban-drop-column"),
        ('ALTER TABLE "orders_order" RENAME COLUMN "email" TO "mail";', "renaming-column"),
        ('ALTER TABLE "orders_order" ALTER COLUMN "note" TYPE text;', "changing-column-type"),
    ],
)
def test_what_locks_or_breaks_is_found(sql, rule):
    assert rule in judge(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE TABLE "orders_gift" ("id" bigint NOT NULL PRIMARY KEY, "note" text NOT NULL);',
        'CREATE INDEX CONCURRENTLY "i" ON "orders_order" ("email");',
        'ALTER TABLE "orders_order" ADD COLUMN "note" text NULL;',
    ],
)
def test_what_does_neither_is_fine(sql):
    assert not judge(sql)


def test_what_came_with_the_project_is_left_out(monkeypatch):
    first = ("users", "0001_initial")
    assert first not in new_migrations()

    monkeypatch.setitem(globals(), "SHIPPED", {})
    assert first in new_migrations()

    monkeypatch.setitem(globals(), "ALLOWED", {"users/0001"})
    assert first not in new_migrations()
