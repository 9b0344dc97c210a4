"""Load the facts of a folder: skip files that cannot matter, read the rest on every core, cache what was read."""

from __future__ import annotations

import gc
import json
import marshal
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Entry, Tree, is_promising, is_promising_test
from djcelery.project.packing import Rows, pack, unpack
from djcelery.project.reader import read
from djcelery.time_limit import TookTooLong, time_limit

SECONDS_PER_FILE = 30
BYTES_PER_PROCESS = 1_000_000  # of Python; below that a second process costs more time than it saves
MAX_PROCESSES = 8
BATCHES_PER_PROCESS = 8


class Job(NamedTuple):
    """Name a file to read."""

    path: str
    name: str
    is_package: bool


class CachedFile(NamedTuple):
    """Hold the facts of a file, and the state of the file that they belong to."""

    size: int
    mtime: int
    name: str
    facts: Module | Rows | None  # None for a file that cannot matter


FactsCache = dict[str, CachedFile]
Batch = tuple[str, dict[str, bytes], list[Job]]  # the root, the contents of files that are not saved, the files


def load(tree: Tree, stored: Any = None) -> tuple[list[Module], FactsCache]:
    """Return the facts of every file that may matter, and the cache to store for the next run.

    `stored` is what an earlier run stored, as JSON gives it back. Whatever is broken in it is read again.
    """
    stored = stored if isinstance(stored, dict) else {}
    layout = tree.layout
    modules: list[Module] = []
    cache: FactsCache = {}
    changed: list[tuple[Entry, Job]] = []
    for entry in tree.entries:
        if not entry.path.endswith(".py"):
            continue
        name = layout.name(entry.path)
        try:
            cached, module = recall(stored.get(entry.path), entry, name)
        except (TypeError, ValueError, LookupError, AttributeError):
            changed.append((entry, Job(entry.path, name, layout.is_package(entry.path))))
            continue
        cache[entry.path] = cached
        modules += [module] if module else []
    for (entry, job), facts in zip(changed, read_all(tree, changed), strict=True):
        cache[entry.path] = CachedFile(entry.size, entry.mtime, job.name, facts)
        if facts is not None:
            modules.append(facts if isinstance(facts, Module) else unpack(facts))
    return modules, cache


def recall(stored: Any, entry: Entry, name: str) -> tuple[CachedFile, Module | None]:
    """Return what is stored about a file in its present state, or raise LookupError, or what broken rows raise."""
    if stored is None or stored[:3] != [entry.size, entry.mtime, name]:
        raise LookupError(entry.path)
    size, mtime, name, rows = stored
    return CachedFile(size, mtime, name, rows), unpack(rows) if rows else None


def to_json(cache: FactsCache) -> str:
    """Return the cache as JSON."""
    rows = {path: [file.size, file.mtime, file.name, as_rows(file.facts)] for path, file in cache.items()}
    return json.dumps(rows, separators=(",", ":"))


def as_rows(facts: Module | Rows | None) -> Rows | None:
    """Return facts as rows."""
    return pack(facts) if isinstance(facts, Module) else facts


def read_all(tree: Tree, jobs: list[tuple[Entry, Job]]) -> Iterable[Module | Rows | None]:
    """Read files, on several cores where that saves time."""
    size = sum(entry.size for entry, _ in jobs)
    processes = min(os.cpu_count() or 1, MAX_PROCESSES, 1 + size // BYTES_PER_PROCESS)
    if tree.texts is not None or processes < 2 or not hasattr(os, "fork"):
        return [read_file(tree, job) for _, job in jobs]
    return read_in_processes(tree, jobs, processes)


def read_in_processes(tree: Tree, jobs: list[tuple[Entry, Job]], processes: int) -> list[Rows | None]:
    """Read files in child processes, in batches of about the same size."""
    from multiprocessing import get_context

    by_size = sorted(range(len(jobs)), key=lambda index: -jobs[index][0].size)
    count = processes * BATCHES_PER_PROCESS
    batches = [by_size[start::count] for start in range(count)]
    facts: list[Rows | None] = [None] * len(jobs)
    with get_context("fork").Pool(processes, initializer=reset_signals) as pool:
        work = [batch_of(tree, [jobs[index][1] for index in batch]) for batch in batches]
        for batch, packed in zip(batches, pool.imap(read_batch, work), strict=True):
            for index, rows in zip(batch, marshal.loads(packed), strict=True):  # noqa: S302 - from our own child
                facts[index] = rows
    return facts


def reset_signals() -> None:
    """Let a child end when it is told to; how the parent handles signals is the parent's own affair."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def batch_of(tree: Tree, jobs: list[Job]) -> Batch:
    """Return what a child needs to read some files."""
    unsaved = {job.path: tree.unsaved[job.path] for job in jobs if job.path in tree.unsaved}
    return tree.root, unsaved, jobs


def read_batch(work: Batch) -> bytes:
    """Read a batch of files in a child; the rows go back as bytes, which costs half of sending them as objects."""
    gc.disable()
    root, unsaved, jobs = work
    tree = Tree(root, unsaved=unsaved)
    return marshal.dumps([as_rows(read_file(tree, job)) for job in jobs])


def read_file(tree: Tree, job: Job) -> Module | None:
    """Read one file; None where it cannot matter. Whatever goes wrong with it is named and does not end the check."""
    try:
        with time_limit(SECONDS_PER_FILE):
            return facts_of_file(tree, job)
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except TookTooLong as error:
        why = str(error)
    except MemoryError:
        why = "needs too much memory"
    except Exception as error:
        if os.environ.get("DJCELERY_TRACEBACK"):
            raise
        why = f"this is a bug in djcelery, please report it: {type(error).__name__}"
    return Module(path=job.path, name=job.name, read_error=why)


def facts_of_file(tree: Tree, job: Job) -> Module | None:
    """Return the facts of a file; None where it cannot matter."""
    data = tree.read(job.path)
    if not (is_promising_test(job.path, data) if is_test(job.path) else is_promising(job.path, data)):
        return None
    return read(job.path, job.name, data, job.is_package)
