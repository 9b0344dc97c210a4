"""Measure what it costs to tell what the jobs are doing: python -m benchmarks.bench_watched [JOBS] [ROUNDS]

The worker's CPU for jobs that do nothing, plain and durable: with logs whose lines name the job, counts and the
heartbeat, and without all of that. Each round runs all of them, one after the other; a ratio is the median of the
rounds' own ratios. A web server that nobody asks for metrics costs nothing and is left out.
"""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.measuring import save, sizes, table
from tests.live.durable.cost import measure, ratio, watched_ways
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

AT_LEAST = 0.9  # of the jobs for the same worker CPU


def main() -> int:
    (jobs, rounds), full = sizes(__doc__, jobs=2000, rounds=5)
    with running_environment("redis", "postgres", LOG_FORMAT="json", policy=AS_GENERATED) as environment:
        plain, plain_off, durable, durable_off = ways = measure(environment, jobs, rounds, tried=watched_ways())
    print(f"\n{jobs:,} no-op jobs in each of {rounds} interleaved rounds, Redis and PostgreSQL\n")
    table(("", "worker CPU ms per job"), [(way.name, median(way.cpu)) for way in ways])
    kept = {"plain": ratio(plain, plain_off), "durable": ratio(durable, durable_off)}
    save("watched", kept, full=full)
    for kind, share in kept.items():
        print(f"Watched, a worker runs {share:.2f} times as many {kind} jobs.")
    return int(min(kept.values()) < AT_LEAST)


if __name__ == "__main__":
    sys.exit(main())
