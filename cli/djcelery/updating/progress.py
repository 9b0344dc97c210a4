"""Finish an update whose conflicts are resolved, and say which files the team has made its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from djcelery.errors import CommandError
from djcelery.plan import Plan
from djcelery.updating.merging import markers_in
from djcelery.updating.record import LIBRARY, PENDING, RECORD, Record, digest, read, without_conflicts
from djcelery.updating.updater import MAX_LISTED, Refused


def plan_continue(root: Path) -> Plan:
    """Plan to record a version whose conflicts are resolved. Raise CommandError if a marker is left."""
    pending = read_pending(root)
    left = []
    for path in sorted({*pending.conflicts, *pending.hashes}):
        file = root / path
        if file.is_file() and not file.is_symlink() and not path.startswith(f"{LIBRARY}/"):
            lines = markers_in(file.read_bytes(), path)
            left += [f"{path}:{line}" for line in lines]
    if left:
        listed = ", ".join(left[:MAX_LISTED]) + (", ..." if len(left) > MAX_LISTED else "")
        raise CommandError(f"Conflict markers are left: {listed}", "Resolve them, then run the command again.")
    plan = Plan(root)
    plan.folded += [RECORD, PENDING]
    plan.write(RECORD, without_conflicts(pending.text).encode(), f"records version {pending.version}")
    plan.delete(PENDING, "the conflicts are resolved")
    return plan


def read_pending(root: Path) -> Record:
    """Return the record that an update in progress will write. Raise Refused if there is none."""
    if not (root / PENDING).is_file():
        raise Refused("No update is in progress here.", "Run: djcelery update")
    pending = read(root / PENDING)
    if not pending.conflicts:
        raise Refused(f"{PENDING} does not belong to an update in progress.", "Move it away.")
    return pending


@dataclass(frozen=True, slots=True)
class Status:
    """List the files that djcelery wrote: unchanged, edited or deleted, and the library's edited files."""

    version: str
    unchanged: list[str]
    edited: list[str]
    deleted: list[str]


def status(root: Path) -> Status:
    """Compare the project with its record."""
    record = read(root / RECORD)
    unchanged: list[str] = []
    edited: list[str] = []
    deleted: list[str] = []
    for path, known in sorted(record.hashes.items()):
        file = root / path
        if not file.is_file():
            deleted.append(path)
        else:
            data = file.read_bytes()
            is_same = known in {digest(data), digest(data.replace(b"\r\n", b"\n"))}
            (unchanged if is_same else edited).append(path)
    return Status(record.version, unchanged, edited, deleted)
