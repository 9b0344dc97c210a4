"""`djcelery init`: bring the checks and the jobs into an existing Django project."""

from __future__ import annotations

from pathlib import Path

import click

from djcelery import dialogue
from djcelery.commands.changes import ChangeOptions, carry_out, change_options, take_back_killed_run
from djcelery.errors import UsageError
from djcelery.installing import report
from djcelery.installing.installer import Installer, Levels
from djcelery.journal import Journal
from djcelery.output import echo, escape_line
from djcelery.plan import Plan

LEVELS = {
    "check": "a baseline for djcelery check; nothing at run time changes",
    "jobs": "also the library, with today's queues; existing tasks run as before",
}


@click.command("init", short_help="Bring the checks and the jobs into an existing Django project.")
@click.argument("path", required=False, type=click.Path(path_type=Path), default=".")
@click.option("--check", is_flag=True, help="Write a baseline, so that djcelery check reports only new mistakes.")
@click.option("--jobs", is_flag=True, help="Add the library, with a workload class for each queue of today.")
@click.option("--durable", metavar="TASK", multiple=True, help="Make a task durable. Repeat it for several tasks.")
@click.option("--settings", metavar="MODULE", default="", help="Use this settings module instead of manage.py's.")
@change_options
def command(
    path: Path, check: bool, jobs: bool, durable: tuple[str, ...], settings: str, changes: ChangeOptions
) -> None:
    """Bring djcelery into the Django project at PATH (default: the current folder).

    First it says what it found and where, and what stands in the way. Then it shows all changes as one diff and asks
    once. An existing Celery app keeps its name, its broker, its queues and its schedule.
    """
    levels = Levels(check, jobs, durable)
    if changes.undo:
        carry_out(path, lambda: Plan(path), changes)
        return
    if path.is_dir():
        take_back_killed_run(Journal(path))  # before anything is read
    installer = Installer.of(path, settings)
    is_quiet = changes.as_json or changes.diff
    if not is_quiet:
        for line in report.as_lines(
            installer.installation, installer.conflicts, with_jobs=levels.with_jobs or not levels
        ):
            echo(escape_line(line))
        echo("")
    if not levels:
        levels = _ask(is_quiet)

    def make_plan() -> Plan:
        plan = installer.plan(levels)
        if not is_quiet:
            _say_more(installer, plan)
        return plan

    steps = report.next_steps(installer.installation) if levels.with_jobs else ""
    carry_out(path, make_plan, changes, next_steps=steps)


def _ask(is_quiet: bool) -> Levels:
    """Ask for the level in one question. Raise UsageError if there is nobody to ask."""
    if is_quiet or not dialogue.is_interactive():
        raise UsageError("Name at least one level.", "Pass --check, --jobs, or --durable with the name of a task.")
    for name, text in LEVELS.items():
        echo(f"  {name}  {text}", err=True)
    choice = click.prompt("How far?", type=click.Choice(list(LEVELS)), default="check", err=True)
    return Levels(check=True, jobs=choice == "jobs")


def _say_more(installer: Installer, plan: Plan) -> None:
    """Print what the plan changes in a line, and what the check says about the durable tasks."""
    if plan.changed:
        echo(escape_line(f"Files that change: {', '.join(report.files_of(plan))}."))
    for finding in installer.findings:
        echo(escape_line(f"Check: {finding.path}:{finding.line} {finding.code} {finding.message}"))
    for note in installer.notes:
        echo(escape_line(f"Note: {note}"))
    echo("")
