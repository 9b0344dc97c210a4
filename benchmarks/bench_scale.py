"""What more processes bring: python benchmarks/bench_scale.py [PROCESSES ...]

Jobs that do nothing, which cost CPU only, and jobs that wait 20 ms for something else, which cost little, on one worker
of so many processes each time. The table says how many times as many jobs it does in a second as with the first
number. No-op jobs can grow to the number of cores and no further; jobs that wait grow with the processes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from measuring import table
from processes import eventually

from ground import Ground, ground  # isort: skip  found by the line above

PROCESSES = [1, 2, 4]
# Name, class, the call that dispatches one, and how many.
KINDS = [("no-op", "fast", "noop.delay()", 3000), ("waits 20 ms", "slow", "long.delay(0.02)", 600)]


def rate(place: Ground, workload: str, call: str, jobs: int, processes: int) -> float:
    """Jobs in a second, from a tenth of them done to nine tenths."""
    code = f"from measured.tasks import *\nfor _ in range({jobs}): {call}"
    place.project.run("manage.py", "shell", "-c", code, **place.variables)
    waiting = _depth(place, workload)
    worker = place.worker(workload, "--concurrency", str(processes))
    eventually("a tenth done", lambda: waiting() <= jobs * 0.9, 120)
    begun, left = time.monotonic(), waiting()
    eventually("nine tenths done", lambda: waiting() <= jobs * 0.1, 600)
    done = (left - waiting()) / (time.monotonic() - begun)
    eventually("all done", lambda: waiting() == 0, 600)
    worker.end()
    return done


def _depth(place: Ground, queue: str) -> Callable[[], int]:
    from redis import Redis

    client = Redis.from_url(place.variables["REDIS_URL"])
    return lambda: int(client.llen(queue))


def main(*numbers: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with us
    numbers = numbers or tuple(PROCESSES)
    with ground("redis", "postgres") as place:
        rates = {kind: [rate(place, *how, number) for number in numbers] for kind, *how in KINDS}
    print(f"\nOn {os.cpu_count()} cores, which the broker and the database share\n")
    head = ["jobs", f"in a second with {numbers[0]}", *(f"with {number}" for number in numbers[1:])]
    table(head, [(kind, found[0], *(f"{one / found[0]:.2f}x" for one in found[1:])) for kind, found in rates.items()])


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
