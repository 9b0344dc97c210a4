"""Write a plan whole or not at all, keep what it replaces, and take back the last run.

Each run has a folder in the journal. Its `journal.json` names the files with the hashes of their contents before and
after, and `blobs/` holds the contents that are replaced. The suffix of the folder's name tells how far the run has
come: `preparing` has not touched the project, `applying` may have touched some files, `done` has written all of them.
The next run takes back one that was killed while it was applying, so a kill at any point leaves all or nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from djcelery.errors import CommandError
from djcelery.plan import Plan, remove_empty_folders
from djcelery.safe_files import leaves, write_new

FOLDER = ".djcelery"  # in the project, where no git repository can hold the journal
MAX_RUNS = 20  # that are kept; the last one is the first to be undone
MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe one file of a run, with the hashes of its contents before and after; None where there is no file."""

    path: str
    before: str | None
    after: str | None
    mode: int | None
    is_clean: bool  # it held no uncommitted work of the user
    mode_after: int | None = None  # None where the mode stays


@dataclass(frozen=True, slots=True)
class Run:
    """Describe what one run changes. Its temporary files have the token in their names."""

    command: str
    token: str
    entries: list[Entry]
    folders: list[str]  # that the run makes, outer ones first
    undoes: int | None  # the number of the run that this one takes back


class Undo(NamedTuple):
    """Hold the plan that takes back a run, its number, and the command line that made it."""

    plan: Plan
    number: int
    command: str
    edited: list[str]  # the files that somebody has edited since


class Journal:
    """Record the runs that changed files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.folder = journal_folder(self.root)

    def apply(self, plan: Plan, command: str, *, dirty: Collection[str] = (), undoes: int | None = None) -> None:
        """Write all that the plan changes, or nothing.

        `command` is the command line of the run, `dirty` the paths that hold uncommitted work. Raise CommandError if a
        file is no longer as it was when the plan was made.
        """
        self._make_folder()
        with self._locked():
            self._take_back_killed()
            refuse_stale(plan)
            number = max(self._numbers("done"), default=0) + 1
            run = self._describe(plan, command, dirty, undoes)
            self._prepare(number, run, plan)
            try:
                self._carry_out(run, plan)
                self._path(number, "applying").rename(self._path(number, "done"))
            except BaseException:
                self._take_back_killed()
                raise
            self._prune()

    def recover(self) -> bool:
        """Take back a run that was killed half-way, and return whether there was one."""
        if not self._numbers("applying"):
            return False
        with self._locked():
            return self._take_back_killed()

    def plan_undo(self, *, even_edited: bool = False) -> Undo:
        """Plan to take back the last run. Raise CommandError if there is none, or a file was edited since.

        With `even_edited` such edits are taken back, too.
        """
        runs = self._runs()
        undone = {run.undoes for run in runs.values()}
        number = max((n for n, run in runs.items() if run.undoes is None and n not in undone), default=None)
        if number is None:
            raise CommandError("There is nothing to undo here.", "Name the folder that djcelery changed.")
        run = runs[number]
        edited = [entry.path for entry in run.entries if self._hash_on_disk(entry.path) != entry.after]
        if edited and not even_edited:
            listed = ", ".join(edited[:MAX_LISTED]) + (", ..." if len(edited) > MAX_LISTED else "")
            hint = "Undo the edits first, or restore the files from your repository."
            raise CommandError(f"Files were edited after `{run.command}`, so it cannot be undone: {listed}", hint)
        plan = Plan(self.root)
        for entry in run.entries:
            self._plan_back(plan, entry, number)
        return Undo(plan, number, run.command, edited)

    def has_written(self, path: str, data: bytes) -> bool:
        """Return whether these bytes are what a run made of a file without uncommitted work."""
        digest = _hash(data)
        return any(
            entry.path == path and entry.after == digest and entry.is_clean
            for run in self._runs().values()
            for entry in run.entries
        )

    def has_replaced(self, path: str, data: bytes) -> bool:
        """Return whether a run found these bytes in a file and wrote others."""
        digest = _hash(data)
        return any(
            entry.path == path and entry.before == digest for run in self._runs().values() for entry in run.entries
        )

    def _plan_back(self, plan: Plan, entry: Entry, number: int) -> None:
        reason = "restored" if entry.before is not None else "removed again"
        if entry.before is None:
            if plan.exists(entry.path):
                plan.delete(entry.path, reason)
            return
        data = self._blob(number, "done", entry.before)
        if entry.mode is not None and (entry.mode_after is not None or entry.after is None):
            plan.modes[entry.path] = entry.mode
        if plan.exists(entry.path):
            plan.write(entry.path, data, reason)
            return
        plan.create(entry.path, data, reason)

    def _describe(self, plan: Plan, command: str, dirty: Collection[str], undoes: int | None) -> Run:
        entries = []
        folders: set[Path] = set()
        for path in plan.changed:
            file = self.root / path
            mode = file.stat().st_mode & 0o7777 if file.exists() else plan.modes.get(path)
            before, after = plan.before[path], plan.after[path]
            entries.append(
                Entry(path, _hash_of(before), _hash_of(after), mode, path not in dirty, plan.modes.get(path))
            )
            if after is not None:
                folders |= {parent for parent in Path(path).parents if not (self.root / parent).exists()}
        return Run(command, os.urandom(6).hex(), entries, sorted(folder.as_posix() for folder in folders), undoes)

    def _prepare(self, number: int, run: Run, plan: Plan) -> None:
        """Write the folder of a run, and give it the name that makes the next run look after it."""
        folder = self._path(number, "preparing")
        (folder / "blobs").mkdir(parents=True)
        for entry in run.entries:
            data = plan.before[entry.path]
            if entry.before is not None and data is not None and not (folder / "blobs" / entry.before).exists():
                _write_through(folder / "blobs" / entry.before, data)
        _write_through(folder / "journal.json", json.dumps(asdict(run), indent=1).encode())
        folder.rename(self._path(number, "applying"))

    def _carry_out(self, run: Run, plan: Plan) -> None:
        for folder in run.folders:
            (self.root / folder).mkdir(exist_ok=True)
        for entry in run.entries:
            if (data := plan.after[entry.path]) is not None:
                mode = entry.mode if entry.mode_after is None else entry.mode_after
                write_new(str(self._temporary(entry, run)), data, mode)
        for entry in run.entries:  # nothing but renames and removals, so that the time between them is short
            if entry.after is not None:
                self._temporary(entry, run).replace(self._target(entry))
            else:
                (self.root / entry.path).unlink()
        for entry in run.entries:
            if entry.after is None:
                remove_empty_folders(self.root, entry.path)

    def _take_back_killed(self) -> bool:
        """Restore what a run has written that was not done, and remove what such runs have left."""
        numbers = self._numbers("applying")
        for number in numbers:
            run = self._read(number, "applying")
            for entry in run.entries:
                self._restore(entry, run, number)
            for folder in reversed(run.folders):
                with suppress(OSError):
                    (self.root / folder).rmdir()
            self._path(number, "applying").rename(self._path(number, "discarded"))
        for name in ("preparing", "discarded"):
            for number in self._numbers(name):
                shutil.rmtree(self._path(number, name), ignore_errors=True)
        return bool(numbers)

    def _restore(self, entry: Entry, run: Run, number: int) -> None:
        """Give a file its contents of before, unless somebody has edited it meanwhile."""
        temporary = self._temporary(entry, run)
        temporary.unlink(missing_ok=True)
        is_same = entry.after == entry.before and entry.mode_after in {None, entry.mode}
        if self._hash_on_disk(entry.path) != entry.after or is_same:
            return
        if entry.before is None:
            (self.root / entry.path).unlink()
            return
        temporary.parent.mkdir(parents=True, exist_ok=True)
        write_new(str(temporary), self._blob(number, "applying", entry.before), entry.mode)
        temporary.replace(self._target(entry))

    def _target(self, entry: Entry) -> Path:
        """Return the file that is written: a symbolic link keeps pointing where it does."""
        if leaves(str(self.root), str(self.root / entry.path)):
            raise CommandError(f"{entry.path} leads out of {self.root}.", "Remove the link.")
        return (self.root / entry.path).resolve()

    def _temporary(self, entry: Entry, run: Run) -> Path:
        target = self._target(entry)
        return target.with_name(f".{target.name}.{run.token}.tmp")

    def _hash_on_disk(self, path: str) -> str | None:
        try:
            return _hash((self.root / path).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _numbers(self, state: str) -> list[int]:
        """Return the numbers of the runs in a state, in order."""
        stems = [path.stem for path in self.folder.glob(f"*.{state}")] if self.folder.is_dir() else []
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def _runs(self) -> dict[int, Run]:
        return {number: self._read(number, "done") for number in self._numbers("done")}

    def _path(self, number: int, state: str) -> Path:
        return self.folder / f"{number}.{state}"

    def _read(self, number: int, state: str) -> Run:
        """Return a run. Raise CommandError for a journal that this version cannot read."""
        file = self._path(number, state) / "journal.json"
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            run = Run(**values | {"entries": [Entry(**entry) for entry in values["entries"]]})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CommandError(f"{file} cannot be read: {error}", f"Move {file.parent} away.") from None
        for path in [*run.folders, *(entry.path for entry in run.entries)]:
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise CommandError(f"{file} names a file outside of the project.", f"Move {file.parent} away.")
        return run

    def _blob(self, number: int, state: str, digest: str) -> bytes:
        return (self._path(number, state) / "blobs" / digest).read_bytes()

    def _prune(self) -> None:
        """Remove the oldest runs, and those that were undone."""
        runs = self._runs()
        undone = {number for n, run in runs.items() if run.undoes is not None for number in (n, run.undoes)}
        kept = [number for number in runs if number not in undone][-MAX_RUNS:]
        # An undone run first: without it, the run that undid it would be the last of an older one.
        for number in sorted(set(runs) - set(kept)):
            self._path(number, "done").rename(self._path(number, "discarded"))
            shutil.rmtree(self._path(number, "discarded"), ignore_errors=True)

    def _make_folder(self) -> None:
        if self.folder.is_symlink():
            raise CommandError(f"{self.folder} is a symbolic link.", "Move it away.")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.folder == self.root / FOLDER:
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep another djcelery from writing at the same time. Raise CommandError if one is at it."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                message = f"Another djcelery is changing {self.root}."
                raise CommandError(message, "Wait for it to finish, then run the command again.") from None
            yield


def journal_folder(root: Path) -> Path:
    """Return where the runs below `root` are recorded: in the repository's own folder, or in the project."""
    for folder in (root, *root.parents):
        repository = _git_folder(folder)
        if repository is not None and os.access(repository, os.W_OK):
            inside = root.relative_to(folder).as_posix()
            return repository / "djcelery" / ("root" if inside == "." else hashlib.sha256(inside.encode()).hexdigest())
    return root / FOLDER


def _git_folder(folder: Path) -> Path | None:
    """Return the repository whose work tree begins in `folder`, if any; a linked work tree names it in a file."""
    path = folder / ".git"
    if path.is_dir() and not path.is_symlink():
        return path if (path / "HEAD").exists() else None
    with suppress(OSError, UnicodeDecodeError):
        text = path.read_text(encoding="utf-8")
        if text.startswith("gitdir: "):
            linked = folder / text.removeprefix("gitdir: ").strip()
            return linked if (linked / "HEAD").exists() else None
    return None


def refuse_stale(plan: Plan) -> None:
    """Raise CommandError if a file has changed since the plan read it."""
    for path in plan.changed:
        file = plan.root / path
        before = plan.before[path]
        current = file.read_bytes() if file.exists() else None
        if current != before:
            raise CommandError(f"{path} changed in the meantime. Nothing was written.", "Run the command again.")


def _write_through(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk, since what follows relies on it."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _hash_of(data: bytes | None) -> str | None:
    return None if data is None else _hash(data)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
