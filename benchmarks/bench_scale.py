"""Measure what more processes bring: python -m benchmarks.bench_scale [--jobs JOBS] [PROCESSES ...]

Jobs that do nothing, which cost CPU only, and jobs that wait 20 ms for something else, which cost little, on one worker
of so many processes each time. The table says how many times as many jobs it does in a second as with the first
number. No-op jobs can grow to the number of cores and no further; jobs that wait grow with the processes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

from benchmarks.measuring import save, table
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import eventually
from tests.live.harness.project import AS_GENERATED

PROCESSES = [1, 2, 4]
JOBS = 3000
# Name, class, the call that dispatches one, and what share of the jobs there are of it.
KINDS = [("no-op", "fast", "noop.delay()", 1), ("waits 20 ms", "slow", "sleep.delay(0.02)", 0.2)]


def rate(environment: Environment, workload: str, call: str, jobs: int, processes: int) -> float:
    """Return the jobs in a second, from a tenth of them done to nine tenths."""
    code = f"from workload.tasks import *\nfor _ in range({jobs}): {call}"
    environment.manage("shell", "-c", code)
    waiting = _depth(environment, workload)
    worker = environment.worker(workload, "--concurrency", str(processes))
    eventually("a tenth done", lambda: waiting() <= jobs * 0.9, 120)
    begun, left = time.monotonic(), waiting()
    eventually("nine tenths done", lambda: waiting() <= jobs * 0.1, 600)
    done = (left - waiting()) / (time.monotonic() - begun)
    eventually("all done", lambda: waiting() == 0, 600)
    worker.end()
    return done


def _depth(environment: Environment, queue: str) -> Callable[[], int]:
    from redis import Redis

    client = Redis.from_url(environment.variables["REDIS_URL"])
    return lambda: int(client.llen(f"{environment.project.slug}:{queue}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=JOBS, help="default, and full size: %(default)s")
    parser.add_argument("processes", nargs="*", type=int, default=PROCESSES, metavar="PROCESSES")
    options = parser.parse_args()
    numbers, is_full = options.processes, (options.jobs, options.processes) == (JOBS, PROCESSES)
    rates: dict[str, list[float]] = {}
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        for kind, workload, call, share in KINDS:
            jobs = round(options.jobs * share)
            rates[kind] = [rate(environment, workload, call, jobs, number) for number in numbers]
    figures = {kind: dict(zip(map(str, numbers), found, strict=True)) for kind, found in rates.items()}
    save("scale", figures, full=is_full)
    print(f"\nOn {os.cpu_count()} cores, which the broker and the database share\n")
    head = ["jobs", f"in a second with {numbers[0]}", *(f"with {number}" for number in numbers[1:])]
    table(head, [(kind, found[0], *(f"{one / found[0]:.2f}x" for one in found[1:])) for kind, found in rates.items()])


if __name__ == "__main__":
    main()
