"""`djcelery eject`: make the library a folder of the project, or a dependency again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from djcelery import ejection
from djcelery.commands.changes import take_back_killed_run
from djcelery.errors import Cancelled, UsageError
from djcelery.journal import Journal
from djcelery.output import echo


@click.command("eject", short_help="Copy the library into a project as a folder, or undo that.")
@click.argument("path", required=False, type=click.Path(path_type=Path), default=".")
@click.option("--undo", is_flag=True, help="Remove the folder and depend on the package djcelery-jobs again.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Show the changes without making them.")
def command(path: Path, undo: bool, yes: bool, dry_run: bool) -> None:
    """Copy the library djcelery-jobs into the project at PATH (default: here) as the folder djcelery_jobs.

    The folder replaces the dependency: imports, the app label and migrations stay the same. Only the dependencies in
    pyproject.toml and the record .djcelery.toml change. With --undo, the package replaces the folder, unless a file in
    it was edited.
    """
    if path.is_dir():
        take_back_killed_run(Journal(path))
    plan = ejection.plan_undo(path) if undo else ejection.plan_ejection(path)
    echo(ejection.describe(plan))
    if dry_run:
        echo("Dry run: nothing was written.")
        return
    if not yes:
        _confirm()
    ejection.apply(plan, "djcelery eject --undo" if undo else "djcelery eject")
    echo(_next_steps(path))


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for confirmation on.", "Pass --yes to make these changes.")
    if not click.confirm("Make these changes?", err=True):
        raise Cancelled(1)


def _next_steps(path: Path) -> str:
    lock = "uv lock && " if (path / "uv.lock").exists() else ""
    return f"Done. Install the changed requirements next: {lock}uv sync --extra dev, or pip install -e '.[dev]'"
