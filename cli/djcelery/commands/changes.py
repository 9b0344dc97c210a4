"""Share what the commands that change a project have in common: their options, the question, their output."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from djcelery import dialogue, repository
from djcelery.errors import Cancelled, CommandError
from djcelery.journal import Journal
from djcelery.output import echo, escape_line
from djcelery.plan import Plan, Snippet

BY_HAND = 3  # the exit code when something is left to do by hand
UNCONFIRMED = 2
NOTHING = "Nothing to do."


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """Hold the options of every command that changes a project."""

    yes: bool
    dry_run: bool
    diff: bool
    as_json: bool
    undo: bool
    allow_dirty: bool


def write_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ChangeOptions except --undo, and pass them to it as the argument `changes`."""

    @click.option("--yes", is_flag=True, help="Make the changes without asking.")
    @click.option("--dry-run", is_flag=True, help="Show the changes without making them.")
    @click.option("--diff", is_flag=True, help="Print only the diff, as a patch, and change nothing.")
    @click.option("--json", "as_json", is_flag=True, help="Ask nothing. Print one JSON object, also for errors.")
    @click.option("--allow-dirty", is_flag=True, help="Also change files that have uncommitted changes.")
    @functools.wraps(command)
    def with_changes(
        *words: Any, yes: bool, dry_run: bool, diff: bool, as_json: bool, allow_dirty: bool, undo: bool = False,
        **others: Any,
    ) -> None:  # fmt: skip
        changes = ChangeOptions(yes, dry_run, diff, as_json, undo, allow_dirty)
        command(*words, changes=changes, **others)

    return with_changes


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all the options of ChangeOptions, and pass them to it as the argument `changes`."""
    option = click.option("--undo", is_flag=True, help="Restore the files as they were before the last run.")
    return option(write_options(command))


def carry_out(
    root: Path, make_plan: Callable[[], Plan], changes: ChangeOptions, *, next_steps: str = "", undo_command: str = "",
    before_writing: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """Make a plan for the project in `root`, show it, ask once, and write all of it or nothing.

    A run that was killed is taken back before the plan is made. After the changes were made, `next_steps` is printed,
    and `undo_command`, by default the name of this command with --undo. `before_writing` is called once all is
    confirmed. Exits with 3 if something is left to do by
    hand.
    """
    journal = Journal(root)
    take_back_killed_run(journal)
    if changes.undo:
        undo = journal.plan_undo()
        _confirm_and_apply(undo.plan, changes, journal, f"undo of {undo.command}", "Done.", undoes=undo.number)
        return
    words = sys.argv[1:]
    undo_command = undo_command or f"djcelery {words[0] if words else ''} --undo"
    done = f"Done. {next_steps}\nTo undo: {undo_command}" if next_steps else f"Done. To undo: {undo_command}"
    command = shlex.join(["djcelery", *words])
    _confirm_and_apply(make_plan(), changes, journal, command, done, before_writing=before_writing)


def take_back_killed_run(journal: Journal) -> None:
    """Undo what a run has begun that was killed, and say so."""
    if journal.recover():
        echo("An earlier run was interrupted. Its changes were undone first.", err=True)


def _confirm_and_apply(
    plan: Plan, changes: ChangeOptions, journal: Journal, command: str, done: str, *, undoes: int | None = None,
    before_writing: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    if changes.diff:
        echo(plan.diff(), nl=False)
        for snippet in plan.snippets:
            echo(as_text(snippet), err=True)
        _leave(plan)
        return
    writes = bool(plan.changed) and plan.is_whole and not changes.dry_run
    dirty = set() if undoes else _dirty(plan, journal)
    if writes and not changes.allow_dirty:
        refuse_dirty(dirty)
    if not changes.as_json:
        _show(plan, changes)
    if writes and not changes.yes and not _confirmed(changes):
        _leave_unconfirmed(plan, changes)
        return
    if writes:
        before_writing()
        journal.apply(plan, command, dirty=dirty, undoes=undoes)
    if changes.as_json:
        echo(as_json(plan, applied=writes))
    elif writes:
        echo(done)
    _leave(plan)


def refuse_dirty(paths: set[str]) -> None:
    """Raise CommandError if a file that would change has uncommitted changes."""
    if paths:
        listed = ", ".join(sorted(paths))
        hint = "Commit or stash them first, or pass --allow-dirty."
        raise CommandError(f"These files have uncommitted changes: {listed}", hint)


def as_json(plan: Plan, *, applied: bool) -> str:
    """Return a plan for a program, as one JSON object."""
    files = [
        {"path": path, "action": _action(plan, path), "reason": plan.reasons.get(path, "")} for path in plan.changed
    ]
    snippets = [
        {"path": s.path, "line": s.line, "text": s.text, "reason": s.reason, "required": s.is_required}
        for s in plan.snippets
    ]
    result = {"success": True, "applied": applied, "files": files, "diff": plan.diff(), "by_hand": snippets}
    result |= plan.facts
    return json.dumps(result, indent=2)


def _action(plan: Plan, path: str) -> str:
    if plan.before[path] is None:
        return "create"
    return "delete" if plan.after[path] is None else "edit"


def _dirty(plan: Plan, journal: Journal) -> set[str]:
    """Return the files that would change and hold work of the user, and not of earlier runs, that is not committed."""
    paths = {path: data for path in plan.changed if (data := plan.before[path]) is not None}
    return {path for path in repository.uncommitted(plan.root, paths) if not journal.has_written(path, paths[path])}


def _show(plan: Plan, changes: ChangeOptions) -> None:
    if not plan.changed and not plan.snippets:
        echo(NOTHING)
        return
    echo(plan.describe(), nl=False)
    for snippet in plan.snippets:
        echo(as_text(snippet))
    if plan.changed and not plan.is_whole:
        echo("Nothing was written, since the changes above are incomplete without what is to be done by hand.")
    elif plan.changed and changes.dry_run:
        echo("Dry run: nothing was written.")


def as_text(snippet: Snippet) -> str:
    """Return a snippet for a terminal: where it belongs, why it was not written, and its lines."""
    where = escape_line(f"{snippet.path}:{snippet.line}" if snippet.line else snippet.path)
    lines = "".join(f"    {line}\n" for line in snippet.text.splitlines())
    return f"By hand, in {where}: {snippet.reason}\n{lines}"


def _confirmed(changes: ChangeOptions) -> bool:
    if changes.as_json or not dialogue.is_interactive():
        return False
    if not click.confirm("Make these changes?", err=True):
        raise Cancelled(1)
    return True


def _leave_unconfirmed(plan: Plan, changes: ChangeOptions) -> None:
    """End with the plan printed and nothing changed, since there is nobody to ask."""
    if changes.as_json:
        echo(as_json(plan, applied=False))
    else:
        echo("Nothing was written: there is no terminal to ask for confirmation on. Pass --yes to make these changes.",
             err=True)  # fmt: skip
    sys.exit(UNCONFIRMED)


def _leave(plan: Plan) -> None:
    if plan.snippets:
        sys.exit(BY_HAND)
