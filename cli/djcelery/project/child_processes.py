"""Share work among child processes, one for each batch, so that a child that is killed loses no other work.

The pools of the standard library wait forever for the work of a killed child (multiprocessing) or give up all that is
left (concurrent.futures), and they fork while threads of their own run.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

Batch = TypeVar("Batch")


def share(
    batches: Iterable[Batch], work: Callable[[Batch], bytes], processes: int
) -> Iterator[tuple[Batch, bytes | None]]:
    """Yield each batch with its result as soon as there is one. The result is None if the child ended without one."""
    from multiprocessing.connection import wait

    waiting = deque(batches)
    running: dict[Connection, tuple[ForkProcess, Batch]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                batch = waiting.popleft()
                process, results = start(work, batch)
                running[results] = process, batch
            ready = wait(list(running))
            for results in [results for results in running if results in ready]:
                process, batch = running[results]
                result = received(results)
                process.join()
                del running[results]
                yield batch, result
    finally:
        for process, _ in running.values():
            process.kill()
            process.join()


def start(work: Callable[[Batch], bytes], batch: Batch) -> tuple[ForkProcess, Connection]:
    """Start a child for a batch; return it and where its result will come."""
    from multiprocessing import get_context

    context = get_context("fork")
    results, line = context.Pipe(duplex=False)
    process = context.Process(target=run_in_child, args=(work, batch, results, line), daemon=True)
    process.start()
    line.close()  # now the child has the only copy, so its end is noticed here
    return process, results


def run_in_child(work: Callable[[Batch], bytes], batch: Batch, results: Connection, line: Connection) -> None:
    """Send the result of a batch to the parent, or nothing if memory runs out."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C does
    results.close()  # now the parent has the only copy, so its end is noticed here
    try:
        line.send_bytes(work(batch))
    except (MemoryError, BrokenPipeError):
        return


def received(results: Connection) -> bytes | None:
    """Return what a child has sent, or None if it ended before."""
    try:
        with results:
            return results.recv_bytes()
    except (EOFError, OSError):
        return None
