"""`djcelery update`: bring a project to the version of the command, and keep what the team made of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from djcelery import repository
from djcelery.adding.root import find_root
from djcelery.commands.changes import ChangeOptions, carry_out, change_options, take_back_killed_run
from djcelery.commands.groups import project_option, undo_command
from djcelery.errors import CommandError, UsageError
from djcelery.journal import Journal
from djcelery.output import echo
from djcelery.plan import Plan
from djcelery.updating import changes as version_changes
from djcelery.updating import progress, updater
from djcelery.updating import record as records
from djcelery.wording import counted

CONFLICTS_LEFT = 1
BEHIND = 1


@click.command("update", short_help="Bring a project to the version of this command, keeping your edits.")
@click.option("--to", "wanted", metavar="VERSION", help="Update to this version instead of the command's own.")
@click.option("--keep-edits", is_flag=True, help="Merge your edits of the folder djcelery_jobs instead of refusing.")
@click.option("--check", "only_check", is_flag=True, help="Exit with 1 if the project is behind; print what changed.")
@click.option("--status", "only_status", is_flag=True, help="List which files you edited or deleted.")
@click.option("--continue", "go_on", is_flag=True, help="Record the new version after you resolved the conflicts.")
@click.option("--abort", is_flag=True, help="Restore the files as they were before an update with conflicts.")
@project_option
@change_options
def command(
    wanted: str | None, keep_edits: bool, only_check: bool, only_status: bool, go_on: bool, abort: bool,
    project: Path, changes: ChangeOptions,
) -> None:  # fmt: skip
    """Bring a project to the version of this command.

    Each file is merged from three sides: as djcelery wrote it, as it is now, and as the new version writes it. Where
    you and the template changed the same lines, both are in the file between conflict markers. Resolve them, then run
    `djcelery update --continue`, or run `djcelery update --abort`. Files that you deleted stay deleted, and files that
    git does not track, binary files and symbolic links are never overwritten.
    """
    modes = [only_check, only_status, go_on, abort, changes.undo]
    if sum(modes) > 1:
        raise UsageError("--check, --status, --continue, --abort and --undo exclude each other.", "Pass one of them.")
    try:
        root = find_root(project)
        if changes.undo and not records.is_there(root):
            _update(root, wanted, changes, keep_edits=keep_edits, project=project)
            return
        needs_record = only_status or go_on or abort or records.is_there(root)
        if not needs_record and (update := updater.plan_bound(root, wanted)):
            _move_bound(root, update, changes, only_check=only_check, project=project)
            return
        root = records.find(root)
        if only_status:
            _show_status(root, changes)
        elif only_check:
            _check(root, wanted, changes)
        elif go_on:
            _continue(root)
        elif abort:
            _abort(root)
        else:
            _update(root, wanted, changes, keep_edits=keep_edits, project=project)
    except CommandError as error:
        _raise_refusal(error, is_about_conflicts=go_on)


def _raise_refusal(error: CommandError, *, is_about_conflicts: bool) -> NoReturn:
    """Raise a refusal with its own exit code: 1 says that conflicts are left, or that the project is behind."""
    if type(error) is CommandError and not is_about_conflicts:
        raise updater.Refused(error.message, error.hint) from None
    raise error


def _update(root: Path, wanted: str | None, changes: ChangeOptions, *, keep_edits: bool, project: Path) -> None:
    take_back_killed_run(Journal(root))
    if changes.undo:
        carry_out(root, lambda: Plan(root), changes)
        return
    update = updater.plan_update(root, wanted, keep_edits=keep_edits)
    update.plan.facts["update"] = {
        "from": update.versions.old, "to": update.versions.new, "conflicts": update.conflicts, "notes": update.notes,
    }  # fmt: skip
    if not changes.as_json:
        _show_notes(update)
    carry_out(
        root,
        lambda: update.plan,
        changes,
        next_steps=_next_steps(root, update),
        undo_command="djcelery update --abort" if update.conflicts else undo_command("update", project),
        before_writing=lambda: _back_up(root, update, changes),
    )
    if (root / records.PENDING).exists():
        sys.exit(CONFLICTS_LEFT)


def _move_bound(root: Path, update: updater.Update, changes: ChangeOptions, *, only_check: bool, project: Path) -> None:
    """Carry out or, with `only_check`, report the update of a project that only depends on the library."""
    if only_check:
        _show_check(*update.versions, changes, is_behind=bool(update.plan.changed or update.plan.snippets))
        return
    steps = f"Install the requirements and migrate next. {', '.join(update.plan.reasons.values())}."
    carry_out(root, lambda: update.plan, changes, next_steps=steps, undo_command=undo_command("update", project))


def _show_notes(update: updater.Update) -> None:
    if update.plan.changed:
        echo(f"From djcelery {update.versions.old} to {update.versions.new}.", err=True)
    for note in update.notes:
        echo(f"Note: {note}", err=True)


def _next_steps(root: Path, update: updater.Update) -> str:
    if update.conflicts:
        listed = ", ".join(update.conflicts)
        return f"Resolve the conflicts in {listed}, then run: djcelery update --continue"
    lock = "uv lock && " if (root / "uv.lock").exists() else ""
    return f"Install and migrate next: {lock}uv sync --extra dev (or pip install -e '.[dev]'), manage.py migrate"


def _back_up(root: Path, update: updater.Update, changes: ChangeOptions) -> None:
    """Keep the state before the update in git, besides what the journal keeps."""
    reference = repository.save_reference(root, f"before-update/{update.versions.new}")
    if not changes.as_json:
        kept = reference or Journal(root).folder
        echo(f"The state before the update is kept in {kept}.", err=True)


def _continue(root: Path) -> None:
    take_back_killed_run(Journal(root))
    plan = progress.plan_continue(root)
    version = progress.read_pending(root).version
    Journal(root).apply(plan, "djcelery update --continue")
    echo(f"Done. The project now has version {version}.")


def _abort(root: Path) -> None:
    journal = Journal(root)
    take_back_killed_run(journal)
    progress.read_pending(root)
    undo = journal.plan_undo(even_edited=True)
    if records.PENDING not in undo.plan.before:
        message = "The update in progress was not the last run of djcelery here."
        raise updater.Refused(message, "Restore the files from refs/djcelery/before-update in your repository.")
    edited = {path for path in undo.edited if (root / path).exists()}
    unkept = edited - (repository.tracked(root) or set())
    kept = repository.save_reference(root, "before-abort") if edited else None
    if unkept or (edited and kept is None):
        hint = "Copy them away and remove the edits, then run the command again."
        raise updater.Refused(f"Files hold edits that git does not keep: {', '.join(sorted(unkept or edited))}", hint)
    journal.apply(undo.plan, "djcelery update --abort", undoes=undo.number)
    echo("Done. The files are as they were before the update." + (f" Your edits since are in {kept}." if kept else ""))


def _check(root: Path, wanted: str | None, changes: ChangeOptions) -> None:
    record = records.read(root / records.RECORD)
    target = updater.target_version(record, wanted)
    _show_check(record.version, target, changes, is_behind=updater.is_behind(root, record, target))


def _show_check(version: str, target: str, changes: ChangeOptions, *, is_behind: bool) -> None:
    news = version_changes.between(version, target) if is_behind else ""
    if changes.as_json:
        facts = {"success": True, "version": version, "target": target, "behind": is_behind, "changes": news}
        echo(json.dumps(facts, indent=2))
    elif is_behind:
        newer = f"{target} is available" if target != version else "its files differ from those of this djcelery"
        echo(f"The project has version {version}; {newer}.\n\n{news}".rstrip())
    else:
        echo(f"Up to date: version {version}.")
    if is_behind:
        sys.exit(BEHIND)


def _show_status(root: Path, changes: ChangeOptions) -> None:
    status = progress.status(root)
    if changes.as_json:
        echo(json.dumps({"success": True} | asdict(status), indent=2))
        return
    echo(f"Version {status.version}: {counted(len(status.unchanged), 'file')} unchanged.")
    for title, paths in (("Edited by you", status.edited), ("Deleted by you", status.deleted)):
        if paths:
            echo(f"{title}:\n" + "\n".join(f"  {path}" for path in paths))
