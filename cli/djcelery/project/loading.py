"""From a folder to facts: read, pass over what cannot matter, parse the rest on every core, remember by content."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterable
from typing import Any

from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Entry, Tree, promising
from djcelery.project.project import Layout
from djcelery.project.reader import read

ALONE = 1_000_000  # bytes of Python below which a second process costs more than it gives
Job = tuple[str, str, bool]  # path, dotted name, is it a package


def load(tree: Tree, memory: dict[str, Any] | None = None) -> tuple[list[Module], dict[str, Any]]:
    """The facts of every file that may matter, and what to remember for the next time."""
    memory = memory or {}
    layout = Layout({entry.path for entry in tree.entries})
    modules, remembered, jobs = [], {}, []
    for entry in tree.entries:
        if not entry.path.endswith(".py"):
            continue
        known = memory.get(entry.path)
        if known and known[0] == entry.size and known[1] == entry.mtime and known[2] == layout.name(entry.path):
            remembered[entry.path] = known
            if known[3]:
                modules.append(Module.unpack(known[3]))
            continue
        jobs.append((entry, (entry.path, layout.name(entry.path), layout.package(entry.path))))
    for (entry, job), module in zip(jobs, read_all(tree, jobs), strict=True):
        remembered[entry.path] = [entry.size, entry.mtime, job[1], module]
        if module is not None:
            modules.append(module)
    return modules, remembered


def read_all(tree: Tree, jobs: list[tuple[Entry, Job]]) -> Iterable[Module | None]:
    """Read the files, on several cores where there is enough to do."""
    size = sum(entry.size for entry, _ in jobs)
    plain = [job for _, job in jobs]
    cores = min(os.cpu_count() or 1, 8, 1 + size // ALONE)
    if tree.texts is not None or cores < 2 or not hasattr(os, "fork"):
        return [read_one(tree, job) for job in plain]
    return spread(tree, jobs, cores)


def spread(tree: Tree, jobs: list[tuple[Entry, Job]], cores: int) -> list[Module | None]:
    from multiprocessing import get_context

    order = sorted(range(len(jobs)), key=lambda index: -jobs[index][0].size)
    piles = [order[start :: cores * 8] for start in range(cores * 8)]
    found: list[Module | None] = [None] * len(jobs)
    with get_context("fork").Pool(cores, initializer=forget_signals) as pool:
        work = [(tree.root, [jobs[index][1] for index in pile]) for pile in piles]
        for pile, modules in zip(piles, pool.imap(read_pile, work), strict=True):
            for index, module in zip(pile, modules, strict=True):
                found[index] = module
    return found


def forget_signals() -> None:
    """A child ends when it is told to; what the parent does about signals is the parent's."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def read_pile(work: tuple[str, list[Job]]) -> list[Module | None]:
    """What one process does."""
    gc.disable()
    tree = Tree(work[0])
    return [read_one(tree, job) for job in work[1]]


def read_one(tree: Tree, job: Job) -> Module | None:
    path, name, package = job
    try:
        data = tree.read(path)
    except OSError as error:
        return Module(path=path, name=name, trouble=f"cannot be read: {error.strerror}")
    if not promising(path, data):
        return None
    if is_test(path) and b"INSTALLED_APPS" not in data and b"noqa: DJC" not in data:
        return None
    return read(path, name, data, package)


def pack(remembered: dict[str, Any]) -> str:
    """What is remembered, as JSON."""
    rows = {
        path: [*row[:3], row[3].pack() if isinstance(row[3], Module) else row[3]] for path, row in remembered.items()
    }
    return json.dumps(rows, separators=(",", ":"))
