"""`djcelery remove`: take back what `add` added, as long as nobody has edited it, or take out the example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from djcelery.adding.root import find_root
from djcelery.commands.changes import ChangeOptions, carry_out, change_options, write_options
from djcelery.commands.groups import SuggestingGroup, project_option, show_hint, undo_command, undo_or_help
from djcelery.plan import Plan

TABLES = "The tables of the example stay in the database. To remove them, run `manage.py migrate orders zero` before."


@click.group(
    "remove",
    cls=SuggestingGroup,
    invoke_without_command=True,
    short_help="Remove what `add` added, or the example app.",
)
@project_option
@change_options
@click.pass_context
def command(ctx: click.Context, /, project: Path, changes: ChangeOptions) -> None:
    """Remove a task, queue, schedule entry or app that `djcelery add` added, or the example app.

    Nothing is removed that was edited after it was added: the command prints the difference and changes nothing.
    """
    undo_or_help(ctx, project, changes)


@command.command("task", short_help="Remove a task with its route, its test and its schedule entry.")
@click.argument("name", metavar="APP.NAME")
@project_option
@write_options
def remove_task(name: str, project: Path, changes: ChangeOptions) -> None:
    """Remove the task NAME of an app with its route, its test and its entry in the schedule."""
    from djcelery.adding import planning

    _remove(project, lambda root: planning.remove_task(root, name), changes)


@command.command("queue", short_help="Remove a workload class that no task uses.")
@click.argument("name")
@project_option
@write_options
def remove_queue(name: str, project: Path, changes: ChangeOptions) -> None:
    """Remove the workload class NAME, which no task uses, from every file that names it."""
    from djcelery.adding import planning

    _remove(project, lambda root: planning.remove_queue(root, name), changes)


@command.command("schedule", short_help="Remove an entry of the schedule.")
@click.argument("name")
@project_option
@write_options
def remove_schedule(name: str, project: Path, changes: ChangeOptions) -> None:
    """Remove the entry NAME of the schedule."""
    from djcelery.adding import planning

    _remove(project, lambda root: planning.remove_schedule(root, name), changes)


@command.command("app", short_help="Remove an app that holds nothing of yours.")
@click.argument("name")
@project_option
@write_options
def remove_app(name: str, project: Path, changes: ChangeOptions) -> None:
    """Remove the app NAME, if it holds nothing but what `djcelery add app` wrote."""
    from djcelery.adding import planning

    _remove(project, lambda root: planning.remove_app(root, name), changes)


@command.command("example", short_help="Remove the example app, as if the project had been made without it.")
@project_option
@write_options
def remove_example(project: Path, changes: ChangeOptions) -> None:
    """Remove the example app of a project made by `djcelery new`, as if the project had been made without it.

    The tables stay in the database. To remove them too, run `manage.py migrate orders zero` first.
    """
    from djcelery.adding.example import plan_example_removal

    _remove(project, lambda root: (plan_example_removal(root), ""), changes, next_steps=TABLES)


def _remove(
    project: Path, make_plan: Callable[[Path], tuple[Plan, str]], changes: ChangeOptions, next_steps: str = ""
) -> None:
    """Carry out a plan; where there is nothing to remove, print what was probably meant."""
    root = find_root(project)

    def planned() -> Plan:
        plan, hint = make_plan(root)
        show_hint(hint, changes)
        return plan

    carry_out(root, planned, changes, next_steps=next_steps, undo_command=undo_command("remove", project))
