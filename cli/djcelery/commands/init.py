"""`djcelery init`: bring the checks and the jobs into an existing Django project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from djcelery import dialogue
from djcelery.commands.changes import ChangeOptions, carry_out, change_options, take_back_killed_run
from djcelery.errors import UsageError
from djcelery.installing import report
from djcelery.installing.durable import convertible_tasks
from djcelery.installing.installer import Installer, Levels
from djcelery.journal import Journal
from djcelery.output import echo, escape_line
from djcelery.plan import Plan
from djcelery.questions import Answer, Question

LEVELS = {
    "check": "a baseline for djcelery check; nothing at run time changes",
    "jobs": "also the library, with today's queues; existing tasks run as before",
    "durable": "also make tasks durable; you choose them next",
}
ONE_LEVEL_AT_A_TIME = (
    "Each level includes those above it, and a later run can go further. All changes are shown before they are made."
)
WHY_DURABLE = (
    "A durable task is never lost: its job is a row in your database, written in the transaction that dispatches it. "
    "Begin with one whose loss would hurt."
)
NO_MORE = "done"


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
        levels = _ask(installer, is_quiet)

    def make_plan() -> Plan:
        plan = installer.plan(levels)
        if not is_quiet:
            _say_more(installer, plan)
        return plan

    steps = report.next_steps(installer.installation) if levels.with_jobs else ""
    carry_out(path, make_plan, changes, next_steps=steps)


def _ask(installer: Installer, is_quiet: bool) -> Levels:
    """Ask for the level, and for tasks if it is theirs. Raise UsageError if there is nobody to ask."""
    if is_quiet or not dialogue.is_interactive():
        raise UsageError("Name at least one level.", "Pass --check, --jobs, or --durable with the name of a task.")
    tasks = {task.name: f"{task.module.path}:{task.line}" for task in convertible_tasks(installer.installation)}
    labels = {name: text for name, text in LEVELS.items() if name != "durable" or tasks}
    question = Question("level", "check", "How far should djcelery go in this project?", labels, ONE_LEVEL_AT_A_TIME,
                        "--check, --jobs or --durable TASK")  # fmt: skip
    dialogue.begin("djcelery in an existing Django project")
    level = dialogue.ask(question, _accept)
    durable = tuple(_ask_tasks(tasks)) if level == "durable" else ()
    echo("", err=True)
    return Levels(check=True, jobs=level != "check", durable=durable)


def _ask_tasks(tasks: dict[str, str]) -> Iterator[str]:
    """Ask which tasks become durable, one after another. `tasks` holds the place of each by its name."""
    text, labels = "Which task should become durable?", dict(tasks)
    while True:
        question = Question("task", next(iter(labels)), text, labels, WHY_DURABLE, "--durable TASK")
        task = str(dialogue.ask(question, _accept))
        if task == NO_MORE:
            return
        yield task
        labels = {NO_MORE: "no other task", **{name: place for name, place in labels.items() if name != task}}
        text = "Should another task become durable?"
        if len(labels) == 1:
            return


def _accept(_key: str, _answer: Answer) -> str:
    """Find nothing wrong with an answer: it is one of the choices."""
    return ""


def _say_more(installer: Installer, plan: Plan) -> None:
    """Print what the plan changes in a line, and what the check says about the durable tasks."""
    if plan.changed:
        echo(escape_line(f"Files that change: {', '.join(report.files_of(plan))}."))
    for finding in installer.findings:
        echo(escape_line(f"Check: {finding.path}:{finding.line} {finding.code} {finding.message}"))
    for note in installer.notes:
        echo(escape_line(f"Note: {note}"))
    echo("")
