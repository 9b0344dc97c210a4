"""Run the command `djcelery`: a group that imports a subcommand only when it is called."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import click

from djcelery import __version__, errors, interrupts, output

COMMANDS = {
    "new": ("djcelery.commands.new", "Create a Django project with reliable background jobs."),
    "init": ("djcelery.commands.init", "Bring the checks and the jobs into an existing Django project."),
    "add": ("djcelery.commands.add", "Add a task, queue, schedule entry or app to a project."),
    "remove": ("djcelery.commands.remove", "Remove what `add` added, or the example app."),
    "update": ("djcelery.commands.update", "Bring a project to the version of this command, keeping your edits."),
    "eject": ("djcelery.commands.eject", "Copy the library into a project as a folder, or undo that."),
    "check": ("djcelery.commands.check", "Find mistakes with background jobs in any Django + Celery code base."),
}


class LazyGroup(click.Group):
    """Know the commands by name, and import only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise errors.UsageError(f"No such command: {args[0]}.", errors.did_you_mean(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="djcelery")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Create and check Django projects with reliable background jobs."""
    if ctx.invoked_subcommand is None:
        output.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit with its code: 0 success, 1 refused or failed, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    gc.disable()  # a process of half a second has nothing worth collecting, and looking takes a tenth of it
    try:
        with interrupts.raised():
            code = cli.main(args=words, prog_name="djcelery", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 every error ends here, as words
        code = _report(error, as_json="--json" in words)
    _leave(code if isinstance(code, int) else 0, at_once=arguments is None)


def _leave(code: int, *, at_once: bool) -> NoReturn:
    """End this process; `at_once` skips taking its modules apart, which costs 20 ms."""
    if at_once:
        with suppress(OSError):  # the reader of our output may be gone
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    gc.enable()
    sys.exit(code)


def _report(error: BaseException, *, as_json: bool) -> int:
    """Print an error, as JSON on stdout or as text on stderr, and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    if isinstance(error, BrokenPipeError):
        return 1
    if os.environ.get("DJCELERY_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    failure = _translate(error)
    output.echo(failure.as_json() if as_json else failure.as_text(), err=not as_json)
    return failure.exit_code


def _translate(error: BaseException) -> errors.CommandError:
    if isinstance(error, interrupts.Interrupted):
        return errors.Cancelled(error.exit_code)
    if isinstance(error, click.Abort | KeyboardInterrupt | EOFError):
        return errors.Cancelled(1)
    if isinstance(error, click.ClickException):
        return errors.from_click(error)
    if isinstance(error, OSError):
        return errors.from_os(error)
    return errors.from_bug(error)
