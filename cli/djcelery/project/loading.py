"""Load the facts of a folder: skip files that cannot matter, and read the rest on every core."""

from __future__ import annotations

import marshal
import os
from typing import NamedTuple

from djcelery.project.child_processes import share
from djcelery.project.context import is_test
from djcelery.project.facts import Module
from djcelery.project.files import Tree, is_promising, is_promising_test
from djcelery.project.packing import pack
from djcelery.project.reader import read
from djcelery.project.reading import as_module
from djcelery.time_limit import TookTooLong, time_limit

SECONDS_PER_FILE = 30
BYTES_PER_PROCESS = 1_000_000  # of Python; below that a second process costs more time than it saves
MAX_PROCESSES = 8
BATCHES_PER_PROCESS = 8
ENDED = "the process that read it was killed, perhaps because memory ran out"


class Job(NamedTuple):
    """Name a file to read."""

    path: str
    name: str
    is_package: bool
    size: int  # bytes

    @property
    def question(self) -> str:
        """Return under which question its facts are remembered."""
        return f"facts {self.name}"


Facts = Module | bytes | None  # of a file, packed where a child read it; None where they cannot matter


def load(tree: Tree) -> list[Module]:
    """Return the facts of every file that may matter."""
    layout, answers = tree.layout, tree.answers
    entries = [entry for entry in tree.entries if entry.path.endswith(".py")]
    jobs = [Job(entry.path, layout.name(entry.path), layout.is_package(entry.path), entry.size) for entry in entries]
    unknown = [job for job in jobs if not answers.recall(job.path, job.question)]
    for job, facts in zip(unknown, read_all(tree, unknown), strict=True):
        answers.put(job.path, job.question, facts)
    facts_of_all = [answers.given[job.path][job.question] for job in jobs]
    return [as_module(facts) for facts in facts_of_all if facts is not None]


def read_all(tree: Tree, jobs: list[Job]) -> list[Facts]:
    """Read files, on several cores where that saves time."""
    tree.read_paths.update(job.path for job in jobs)  # a child cannot tell
    processes = min(os.cpu_count() or 1, MAX_PROCESSES, 1 + sum(job.size for job in jobs) // BYTES_PER_PROCESS)
    if tree.texts is not None or processes < 2 or not hasattr(os, "fork"):
        return [read_file(tree, job) for job in jobs]
    return read_in_processes(tree, jobs, processes)


def read_in_processes(tree: Tree, jobs: list[Job], processes: int) -> list[Facts]:
    """Read files in child processes, in batches of about the same size.

    The files of a child that was killed are read again one by one, so that the one that did it is known.
    """
    by_size = sorted(range(len(jobs)), key=lambda index: -jobs[index].size)
    count = processes * BATCHES_PER_PROCESS
    facts: list[Facts] = [None] * len(jobs)
    unread: list[int] = []

    def read_batch(batch: list[int]) -> bytes:
        return marshal.dumps([module and pack(module) for index in batch for module in [read_file(tree, jobs[index])]])

    for batch, packed in share([by_size[start::count] for start in range(count)], read_batch, processes):
        if packed is None:
            unread += batch
            continue
        for index, module in zip(batch, marshal.loads(packed), strict=True):  # noqa: S302 - from our own child
            facts[index] = module
    for (index,), packed in share([[index] for index in unread], read_batch, processes):
        facts[index] = unreadable(jobs[index], ENDED) if packed is None else marshal.loads(packed)[0]  # noqa: S302
    return facts


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
    return unreadable(job, why)


def unreadable(job: Job, why: str) -> Module:
    """Return what is known of a file that could not be read."""
    return Module(path=job.path, name=job.name, read_error=why)


def facts_of_file(tree: Tree, job: Job) -> Module | None:
    """Return the facts of a file; None where it cannot matter."""
    data = tree.read(job.path)
    if not (is_promising_test(job.path, data) if is_test(job.path) else is_promising(job.path, data)):
        return None
    return read(job.path, job.name, data, job.is_package)
