"""Share what groups of subcommands have in common: they suggest the name that was probably meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from djcelery.adding.root import find_root
from djcelery.commands.changes import ChangeOptions, carry_out
from djcelery.errors import UsageError, did_you_mean
from djcelery.output import echo
from djcelery.plan import Plan


class SuggestingGroup(click.Group):
    """Suggest the subcommand that was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            message = f"No such command: {ctx.info_name} {args[0]}."
            raise UsageError(message, did_you_mean(args[0], self.commands))
        return super().resolve_command(ctx, args)


def project_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --project, as a folder that may be anywhere in the project."""
    return click.option(
        "--project",
        type=click.Path(path_type=Path),
        default=".",
        metavar="DIR",
        help="Change the project in this folder.",
    )(command)


def undo_or_help(ctx: click.Context, project: Path, changes: ChangeOptions) -> None:
    """Undo the last run if the group itself was called with --undo; without a subcommand, print the help."""
    if changes.undo and ctx.invoked_subcommand is None:
        carry_out(root := find_root(project), lambda: Plan(root), changes)
    elif changes.undo:
        raise UsageError("--undo takes no subcommand.", f"Run: djcelery {ctx.info_name} --undo")
    elif ctx.invoked_subcommand is None:
        echo(ctx.get_help())


def undo_command(name: str, project: Path) -> str:
    """Return the command line that undoes a run."""
    return f"djcelery {name} --undo" + ("" if project == Path() else f" --project {project}")


def show_hint(text: str, changes: ChangeOptions) -> None:
    """Print a hint on stderr, unless the output is for a program."""
    if text and not changes.as_json:
        echo(text, err=True)
