"""From a folder to facts: read, pass over what cannot matter, parse the rest on every core, remember by content."""

from __future__ import annotations

import gc
import json
import marshal
import os
from collections.abc import Iterable
from typing import Any

from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Entry, Tree, promising, promising_test
from djcelery.project.packing import Rows, pack, unpack
from djcelery.project.project import Layout
from djcelery.project.reader import read

ALONE = 1_000_000  # bytes of Python below which a second process costs more than it gives
Job = tuple[str, str, bool]  # path, dotted name, is it a package


def load(tree: Tree, memory: dict[str, Any] | None = None) -> tuple[list[Module], dict[str, Any]]:
    """The facts of every file that may matter, and what to remember for the next time."""
    memory = memory or {}
    layout = Layout.of(tree)
    modules, remembered, jobs = [], {}, []
    for entry in tree.entries:
        if not entry.path.endswith(".py"):
            continue
        name = layout.name(entry.path)
        state = [entry.size, entry.mtime, name]
        known, module = recalled(memory.get(entry.path), state)
        if known:
            remembered[entry.path] = known
            modules += [module] if module else []
            continue
        jobs.append((entry, (entry.path, name, layout.package(entry.path))))
    for (entry, job), held in zip(jobs, read_all(tree, jobs), strict=True):
        remembered[entry.path] = [entry.size, entry.mtime, job[1], held]
        if held is not None:
            modules.append(held if isinstance(held, Module) else unpack(held))
    return modules, remembered


def recalled(known: Any, state: list[Any]) -> tuple[Any, Module | None]:
    """What is remembered of a file in this state; nothing where the memory is of another state, or broken."""
    try:
        if known[:3] == state:
            return known, unpack(known[3]) if known[3] else None
    except (TypeError, ValueError, LookupError, AttributeError):
        return None, None
    return None, None


def read_all(tree: Tree, jobs: list[tuple[Entry, Job]]) -> Iterable[Module | Rows | None]:
    """Read the files, on several cores where there is enough to do."""
    size = sum(entry.size for entry, _ in jobs)
    cores = min(os.cpu_count() or 1, 8, 1 + size // ALONE)
    if tree.texts is not None or cores < 2 or not hasattr(os, "fork"):
        return [read_one(tree, job) for _, job in jobs]
    return spread(tree, jobs, cores)


def spread(tree: Tree, jobs: list[tuple[Entry, Job]], cores: int) -> list[Rows | None]:
    from multiprocessing import get_context

    order = sorted(range(len(jobs)), key=lambda index: -jobs[index][0].size)
    piles = [order[start :: cores * 8] for start in range(cores * 8)]
    found: list[Rows | None] = [None] * len(jobs)
    with get_context("fork").Pool(cores, initializer=forget_signals) as pool:
        work = [(tree.root, [jobs[index][1] for index in pile]) for pile in piles]
        for pile, held in zip(piles, pool.imap(read_pile, work), strict=True):
            for index, rows in zip(pile, marshal.loads(held), strict=True):  # noqa: S302 - from our own child
                found[index] = rows
    return found


def forget_signals() -> None:
    """A child ends when it is told to; what the parent does about signals is the parent's."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def read_pile(work: tuple[str, list[Job]]) -> bytes:
    """What one process does; the rows go back as bytes, which costs half of sending them as they are."""
    gc.disable()
    tree = Tree(work[0])
    return marshal.dumps([as_rows(read_one(tree, job)) for job in work[1]])


def read_one(tree: Tree, job: Job) -> Module | None:
    path, name, package = job
    try:
        data = tree.read(path)
    except OSError as error:
        return Module(path=path, name=name, trouble=f"cannot be read: {error.strerror}")
    if not (promising_test(path, data) if is_test(path) else promising(path, data)):
        return None
    return read(path, name, data, package)


def as_rows(held: Module | Rows | None) -> Rows | None:
    return pack(held) if isinstance(held, Module) else held


def as_text(remembered: dict[str, Any]) -> str:
    """What is remembered, as JSON."""
    rows = {
        path: [*row[:3], pack(row[3]) if isinstance(row[3], Module) else row[3]] for path, row in remembered.items()
    }
    return json.dumps(rows, separators=(",", ":"))
