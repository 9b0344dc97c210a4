"""`djcelery add`: add a task, a queue, an entry of the schedule or an app to a project."""

from __future__ import annotations

from pathlib import Path

import click

from djcelery.adding import planning
from djcelery.adding.queues import make_spec
from djcelery.adding.root import find_root
from djcelery.adding.schedules import Timing, parse_timing
from djcelery.commands.changes import ChangeOptions, carry_out, change_options, write_options
from djcelery.commands.groups import SuggestingGroup, project_option, undo_command, undo_or_help
from djcelery.errors import UsageError
from djcelery.plan import Plan

POSITIVE = click.IntRange(min=1)
EVERY = click.option("--every", metavar="INTERVAL", help="Run it at this interval: 30s, 10m, 6h or 1d.")
CRON = click.option("--cron", metavar="FIELDS", help='Run it at these times: "10 2 * * *" is every day at 02:10.')


@click.group(
    "add",
    cls=SuggestingGroup,
    invoke_without_command=True,
    short_help="Add a task, queue, schedule entry or app to a project.",
)
@project_option
@change_options
@click.pass_context
def command(ctx: click.Context, /, project: Path, changes: ChangeOptions) -> None:
    """Add a task, queue, schedule entry or app to a project.

    Shows all changes as one diff, asks once, and makes all of them or none. Without a terminal, pass --yes.
    """
    undo_or_help(ctx, project, changes)


@command.command("task", short_help="Add a task with its route and its test.")
@click.argument("name", metavar="APP.NAME")
@click.option("--queue", metavar="NAME", help="Run it in this workload class.")
@click.option("--plain", is_flag=True, help="Make it a plain Celery task, which may be lost.")
@EVERY
@CRON
@project_option
@write_options
def add_task(
    name: str,
    queue: str | None,
    plain: bool,
    every: str | None,
    cron: str | None,
    project: Path,
    changes: ChangeOptions,
) -> None:
    """Add the task NAME to an app: a function, its route and its test.

    The test fails until you have written the body. With --every or --cron, the task also gets an entry in the schedule,
    and no parameters.
    """
    timing = parse_timing(every, cron)
    root = find_root(project)

    def make_plan() -> Plan:
        return planning.add_task(root, name, queue, plain=plain, timing=timing)

    app, _, function = name.rpartition(".")
    next_steps = f"Write the body of {function} in the tasks of {app.removesuffix('.tasks')}, and its test."
    carry_out(root, make_plan, changes, next_steps=next_steps, undo_command=undo_command("add", project))


@command.command("queue", short_help="Add a workload class and the processes of its workers.")
@click.argument("name")
@click.option(
    "--concurrency", type=POSITIVE, default=2, show_default=True, help="Set the jobs that a worker runs at once."
)
@click.option(
    "--prefetch", type=POSITIVE, default=1, show_default=True, help="Set the messages it holds for each of them."
)
@click.option("--soft", type=POSITIVE, metavar="SECONDS", help="Set the soft limit of a job.  [default: 300]")
@click.option("--hard", type=POSITIVE, metavar="SECONDS", help="Set the hard limit of a job.  [default: a tenth more]")
@project_option
@write_options
def add_queue(
    name: str,
    concurrency: int,
    prefetch: int,
    soft: int | None,
    hard: int | None,
    project: Path,
    changes: ChangeOptions,
) -> None:
    """Add the workload class NAME to the settings and to each file that starts or scales workers."""
    spec = make_spec(name, concurrency, prefetch, soft, hard)
    root = find_root(project)
    carry_out(
        root,
        lambda: planning.add_queue(root, spec),
        changes,
        next_steps=_start_worker(root, name),
        undo_command=undo_command("add", project),
    )


@command.command("schedule", short_help="Add an entry to the schedule.")
@click.argument("name")
@click.option("--task", "task_name", metavar="APP.NAME", help="Run this task.")
@EVERY
@CRON
@project_option
@write_options
def add_schedule(
    name: str, task_name: str | None, every: str | None, cron: str | None, project: Path, changes: ChangeOptions
) -> None:
    """Add the entry NAME to the schedule, with the time after which a run that did not start is dropped."""
    timing = parse_timing(every, cron)
    if task_name is None or timing is None:
        missing = "--task" if task_name is None else "--every or --cron"
        raise UsageError(f"Missing option {missing}.", f"For example: {_example(name, task_name, timing)}")
    root = find_root(project)
    carry_out(
        root,
        lambda: planning.add_schedule(root, name, task_name, timing),
        changes,
        undo_command=undo_command("add", project),
    )


@command.command("app", short_help="Add an app with tasks, services and tests.")
@click.argument("name")
@project_option
@write_options
def add_app(name: str, project: Path, changes: ChangeOptions) -> None:
    """Add the app NAME: a package with tasks, services and tests, in INSTALLED_APPS."""
    root = find_root(project)
    carry_out(
        root,
        lambda: planning.add_app(root, name),
        changes,
        next_steps=f"Add a task to it: djcelery add task {name}.NAME --queue QUEUE",
        undo_command=undo_command("add", project),
    )


def _example(name: str, task_name: str | None, timing: Timing | None) -> str:
    when = '--cron "10 2 * * *"' if timing is None or not timing.seconds else f"--every {timing.seconds}s"
    return f"djcelery add schedule {name} --task {task_name or 'orders.daily_sales'} {when}"


def _start_worker(root: Path, name: str) -> str:
    units = sorted(path.name for path in (root / "deploy/systemd").glob("*-worker@.service"))
    if units:
        return f"With systemd, start its worker: systemctl enable --now {units[0].removesuffix('.service')}{name}"
    return f"Start its worker with the others: python manage.py worker {name}"
