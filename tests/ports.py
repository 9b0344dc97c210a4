"""Hand out ports for the servers that tests start, so that nobody else takes one until its server listens.

A port that the kernel picks is free when it is picked. A broker listens seconds later, and until then the kernel may
give the same one to another test, or to a connection that somebody opens.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

# Below those that Linux and macOS pick from, 32768 and 49152 and up, and above those of well-known servers.
FIRST, LAST = 15000, 31000
SHARES = 8  # of the processes of a parallel run; with more of them, some have the same


def free_port() -> int:
    """Return the next port of this process on which nothing listens."""
    return next(port for port in _ports if _is_free(port))


def _own_share() -> Iterator[int]:
    """Yield the ports of this process, starting where its id says: another run may have the same share."""
    size = (LAST - FIRST) // SHARES
    first = FIRST + size * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES)
    offset = os.getpid()
    while True:
        yield first + offset % size
        offset += 1


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: ended connections do not count
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


_ports = _own_share()
