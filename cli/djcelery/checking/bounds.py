"""Bound the time and memory that a check may take, whatever it is pointed at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from djcelery.errors import CommandError
from djcelery.time_limit import TookTooLong, time_limit

SECONDS = 300
MEMORY = 4 * 1024**3  # bytes that each process may take in addition to those that it has
HINT = "Check a smaller folder, or leave folders out with --exclude"


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """End the work inside with a CommandError if it takes too much time or memory."""
    try:
        with memory_limit(MEMORY), time_limit(seconds):
            yield
    except TookTooLong:
        raise CommandError(f"The check took more than {seconds:g} seconds.", f"{HINT}, or set --time-limit.") from None
    except MemoryError:
        raise CommandError(f"The check needs more than {MEMORY // 1024**3} GB of memory.", f"{HINT}.") from None


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Raise MemoryError inside instead of taking this many more bytes. Only Linux counts them."""
    size = address_space()
    if not size:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    lowest = min(limit for limit in (size + more, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def address_space() -> int:
    """Return the bytes of address space that this process has; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
