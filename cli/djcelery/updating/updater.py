"""Plan an update: for each file, merge what the team made of it with what the template made of it since.

Nothing of the team's is overwritten. A file is read from three sides: as djcelery wrote it (the original), as it is
now, and as the new version writes it. Where that cannot be merged safely, the new version is written beside the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from djcelery import repository, template
from djcelery.errors import CommandError
from djcelery.plan import Plan
from djcelery.safe_files import leaves
from djcelery.updating import dependencies, merging, migrations, moves, releases
from djcelery.updating.merging import Versions
from djcelery.updating.record import (
    LIBRARY,
    PENDING,
    RECORD,
    SUFFIX,
    Record,
    digest,
    read,
    with_conflicts,
    with_library,
)
from djcelery.updating.renders import Originals, Render, render
from djcelery.wording import counted

REFUSED = 3
MAX_LISTED = 10
EXECUTABLE = 0o111


class Refused(CommandError):  # noqa: N818 a refusal, like Cancelled
    """Say that an update was understood, and refused. Exit code 3, since 1 means that conflicts are left."""

    exit_code = REFUSED


@dataclass
class Update:
    """Hold a planned update: the plan, the files with conflicts, and what the team has to know about other files."""

    plan: Plan
    versions: Versions
    conflicts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def target_version(record: Record, wanted: str | None) -> str:
    """Return the version to update to. Raise Refused for one that this command cannot render, or an older one."""
    own = releases.own_version()
    target = wanted or own
    try:
        current, goal = releases.sort_key(record.version), releases.sort_key(target)
    except ValueError as error:
        raise Refused(f"Not a version: {error}", "Write it like 0.2.0.") from None
    if goal > releases.sort_key(own):
        raise Refused(f"This is djcelery {own}, which does not know {target}.", f"Install djcelery {target} first.")
    if current > goal:
        message = f"The project has version {record.version}, which is newer than {target}."
        raise Refused(message, "Install a newer djcelery.")
    if target != own and target not in releases.carried_versions():
        known = ", ".join([*releases.carried_versions(), own])
        raise Refused(f"This command does not carry version {target}.", f"Choose one of {known}.")
    return target


def plan_update(root: Path, wanted: str | None, *, keep_edits: bool) -> Update:
    """Plan to bring the project in `root` to a version. Raise CommandError if that cannot be done."""
    refuse_pending(root)
    record = read(root / RECORD)
    target = target_version(record, wanted)
    new = render(target, record)
    if new is None:
        raise Refused(f"This command does not carry version {target}.", "Leave out --to.")
    planner = _Planner(root, record, new, Versions(record.version, target), keep_edits=keep_edits)
    planner.run()
    return planner.update


def plan_bound(root: Path, wanted: str | None) -> Update | None:
    """Plan to move the bound of the installed library in a project without a record. Return None if it has none.

    Raise Refused if no index has the version.
    """
    file = dependencies.find_file(root)
    version = dependencies.installed_version(file)
    if file is None or version is None:
        return None
    target = target_version(Record("", version or "0", None, {}, []), wanted)
    if target != releases.own_version() or not template.private_values()["_released"]:
        raise Refused(
            f"djcelery-jobs {target} cannot be required by this command.", f"Install djcelery {target} first."
        )
    return Update(dependencies.plan_library_bound(root, file), Versions(version, target))


def refuse_pending(root: Path) -> None:
    """Raise Refused if an update is half-way."""
    if (root / PENDING).exists():
        pending = read(root / PENDING)
        hint = "Resolve the conflicts and run `djcelery update --continue`, or run `djcelery update --abort`."
        raise Refused(f"An update to {pending.version} is in progress.", hint)


def is_behind(root: Path, record: Record, target: str) -> bool:
    """Return whether an update would do anything. Development versions with one name can differ."""
    if record.version != target or ".dev" not in target:
        return record.version != target
    new = render(target, record)
    return new is not None and new.record != "" and new.record != record.text


class _Planner:
    def __init__(self, root: Path, record: Record, new: Render, versions: Versions, *, keep_edits: bool) -> None:
        self.root = root
        self.record = record
        self.new = new
        self.keep_edits = keep_edits
        self.plan = Plan(root)
        self.update = Update(self.plan, versions)
        self.tracked = repository.tracked(root)
        self.originals = Originals(root, record)
        self.old = self.originals.read_all(new.files)

    def run(self) -> None:
        text = self.new.record or with_library(self.record, self.update.versions.new, self.new.files)
        if text == self.record.text or (
            self.record.version == self.update.versions.new and ".dev" not in self.record.version
        ):
            return
        if self.tracked is not None and RECORD not in self.tracked:
            raise Refused("The project is not committed to git.", "Commit it first, so that nothing can get lost.")
        merged = {path for path in {*self.old, *self.new.files} if self.keep_edits or not _in_library(path)}
        if not self.keep_edits:
            self._replace_library()
        self._plan_files(merged)
        if self.record.answers is None and self.record.library and (note := dependencies.plan_celery_bound(self.plan)):
            self.update.notes.append(note)
        for path in migrations.plan_joins(self.plan, self.update.versions.new):
            self._note(path, "joins two leaves; look at it with `manage.py migrate --plan`")
        self._plan_record(text)

    # -- the library

    def _replace_library(self) -> None:
        expected = self.record.library
        if not expected and not any(map(_in_library, self.new.files)):
            return
        actual = {path: digest((self.root / path).read_bytes()) for path in self._library_on_disk()}
        edited = sorted(path for path in {*expected, *actual} if expected.get(path) != actual.get(path))
        if edited:
            listed = ", ".join(edited[:MAX_LISTED]) + (", ..." if len(edited) > MAX_LISTED else "")
            hint = "Restore these files from your repository, or merge them with --keep-edits."
            raise Refused(f"{LIBRARY}/ has been edited, and the edits would be lost: {listed}", hint)
        self.plan.folded.append(LIBRARY)
        for path in sorted(filter(_in_library, {*expected, *self.new.files})):
            self._replace(path, self.new.files.get(path))

    def _library_on_disk(self) -> Iterable[str]:
        for path in (self.root / LIBRARY).rglob("*"):
            inside = path.relative_to(self.root)
            if path.is_file() and not any(part.endswith(("__pycache__", "_cache")) for part in inside.parts):
                yield inside.as_posix()

    def _replace(self, path: str, data: bytes | None) -> None:
        if data is None:
            self.plan.delete(path)
        elif self.plan.exists(path):
            self.plan.write(path, data)
        else:
            self.plan.create(path, data)

    # -- the team's files

    def _plan_files(self, paths: set[str]) -> None:
        old = {path: data for path, data in self.old.items() if path in paths and data is not None}
        new = {path: data for path, data in self.new.files.items() if path in paths}
        renamed = moves.renames(old, new)
        targets = set(renamed.values())
        for path in sorted(paths - targets):
            try:
                self._plan_file(path, renamed.get(path, path))
            except OSError as error:
                self._note(path, f"not touched: {error.strerror or error}")

    def _plan_file(self, path: str, target: str) -> None:
        """Plan what becomes of one file, whose path in the new version is `target`."""
        new = self.new.files.get(target)
        if path not in self.old:
            self._add(path, new or b"")
            return
        base = self.old[path]
        if base == new and path == target:
            self._plan_mode(path)
            return
        is_there = self._is_there(path)
        place = path if is_there else self._moved(path, base)
        if new is None:
            self._drop(path, base)
        elif place is None:
            self._note(path, "stays deleted, as you left it; the template changed it")
        elif base is None:
            if self.plan.exists(place) and self.plan.read(place) != new:
                self._write_beside(place, new, "nobody has the version that djcelery wrote, so it cannot be merged")
        elif target != path and place == path:
            self._rename(path, target, base, new)
        else:
            self._merge(place, base, new, "" if place == path else f"you moved it from {path}")

    def _is_there(self, path: str) -> bool:
        file = self.root / path
        return file.is_symlink() or file.exists()

    def _moved(self, path: str, base: bytes | None) -> str | None:
        """Return where the team moved a file, if it did."""
        if base is None:
            return None
        known = {*self.record.hashes, *self.new.files}
        return moves.closest(path, base, moves.read_candidates(self.root, self.tracked, known))

    def _add(self, path: str, new: bytes) -> None:
        """Plan a file that the template has now."""
        if self._is_there(path) or leaves(str(self.root), str(self.root / path)):
            if self._obstacle(path):
                self._write_beside(path, new, self._obstacle(path))
            elif self.plan.read(path) != new:
                self._merge(path, b"", new, "you have a file of this name, too")
        elif self._is_folder_deleted(path):
            self._note(path, "not added, since you removed all that djcelery had written to this folder")
        else:
            self._create(path, path, new, "new in the template")

    def _create(self, path: str, target: str, data: bytes, reason: str) -> None:
        self.plan.create(path, data, reason)
        if target in self.new.executable:
            self.plan.modes[path] = 0o755

    def _is_folder_deleted(self, path: str) -> bool:
        parent = str(PurePosixPath(path).parent)
        beside = [name for name in self.record.hashes if str(PurePosixPath(name).parent) == parent]
        return parent != "." and bool(beside) and not any(self._is_there(name) for name in beside)

    def _drop(self, path: str, base: bytes | None) -> None:
        """Plan to remove a file that the template no longer has, unless somebody edited it."""
        if not self._is_there(path):
            return
        obstacle = self._obstacle(path)
        if obstacle or base is None or merging.is_binary(base) or _as_plain(self.plan.read(path)) != _as_plain(base):
            self._note(path, f"stays, since {obstacle or 'you edited it'}; the template no longer has it")
        else:
            self.plan.delete(path, "the template no longer has it")

    def _rename(self, path: str, target: str, base: bytes, new: bytes) -> None:
        """Plan to follow a file of the template that has another name now, with the team's edits."""
        if self._obstacle(path) or self._is_there(target):
            self._drop(path, base)
            self._add(target, new)
            return
        ours = self.plan.read(path)
        merged = merging.merge(self.root, target, base, ours, new, self.update.versions)
        mode = (self.root / path).stat().st_mode & 0o7777
        self.plan.delete(path, f"renamed to {target}")
        self.plan.create(target, merged.data, f"renamed from {path}")
        self.plan.modes[target] = mode
        self._count(target, merged)

    def _merge(self, path: str, base: bytes, new: bytes, reason: str) -> None:
        """Plan the merge of a file that is there."""
        obstacle = self._obstacle(path)
        if obstacle:
            self._write_beside(path, new, obstacle)
            return
        ours = self.plan.read(path)
        if merging.is_binary(base) or merging.is_binary(ours) or merging.is_binary(new):
            if ours != new:
                self._write_beside(path, new, "it is binary")
            return
        merged = merging.merge(self.root, path, base, ours, new, self.update.versions)
        self.plan.write(path, merged.data, reason or "changed in the template")
        self._plan_mode(path)
        self._count(path, merged)

    def _count(self, path: str, merged: merging.Merged) -> None:
        if merged.conflicts:
            self.update.conflicts.append(path)
            self._note(path, f"{counted(merged.conflicts, 'conflict')}, marked in the file")

    def _plan_mode(self, path: str) -> None:
        """Plan the executable bit, where the template changed it and the team did not."""
        was, becomes = path in self.originals.rendered.executable, path in self.new.executable
        file = self.root / path
        if path not in self.originals.rendered.files or was == becomes or self._obstacle(path) or not file.exists():
            return
        mode = file.stat().st_mode & 0o7777
        if bool(mode & EXECUTABLE) == was:
            self.plan.write(path, self.plan.read(path), "executable" if becomes else "no longer executable")
            self.plan.modes[path] = mode | EXECUTABLE if becomes else mode & ~EXECUTABLE

    def _obstacle(self, path: str) -> str:
        """Return why a file must not be written to, or an empty text."""
        file = self.root / path
        if file.is_symlink() or leaves(str(self.root), str(file)):
            return "it is a symbolic link"
        if file.exists() and not file.is_file():
            return "it is a folder"
        if any((self.root / parent).is_symlink() for parent in PurePosixPath(path).parents):
            return "it is below a symbolic link"
        if file.exists() and self.tracked is not None and path not in self.tracked:
            return "git does not track it"
        return ""

    def _write_beside(self, path: str, new: bytes, reason: str) -> None:
        """Plan the new version beside a file that is not overwritten."""
        beside = path + SUFFIX
        if self._is_there(beside):
            if (self.root / beside).is_file() and (self.root / beside).read_bytes() == new:
                return
            raise Refused(f"{beside} is there already, from an earlier update.", "Merge it and remove it first.")
        try:
            self.plan.create(beside, new, f"beside yours: {reason}")
        except OSError:
            self._note(path, f"not touched, since {reason}")
        else:
            self._note(path, f"not touched, since {reason}; the new version is in {beside}")

    def _note(self, path: str, text: str) -> None:
        self.update.notes.append(f"{path}: {text}")

    # -- the record

    def _plan_record(self, text: str) -> None:
        """Plan the new record, beside the old one as long as there are conflicts."""
        self.plan.folded += [RECORD, PENDING]
        if self.update.conflicts:
            reason = "the record, until the conflicts are resolved"
            self.plan.create(PENDING, with_conflicts(text, self.update.conflicts).encode(), reason)
        else:
            self.plan.write(RECORD, text.encode(), f"records version {self.update.versions.new}")


def _in_library(path: str) -> bool:
    return path.startswith(f"{LIBRARY}/")


def _as_plain(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")
