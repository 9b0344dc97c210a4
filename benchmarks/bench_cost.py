"""What a job that does nothing costs: python benchmarks/bench_cost.py [JOBS] [ROUNDS]

Workers of two processes each, on one Valkey and one PostgreSQL: this project's plain task with JOBS_LOG_LEVEL=WARNING,
the same with a line in the log for each job, and in a pool of threads, which has no time limits; its durable task; the
settings that the most used Django template generates ("peer"); and both with results kept in the Django database. Each
round runs all of them, one after the other, each with its jobs waiting before it begins; a ratio is the median of the
rounds' own ratios.
"""

from __future__ import annotations

import sys
from statistics import median

from measuring import table

from cost import measure, ratio  # isort: skip  found by the line above
from ground import ground  # isort: skip

PLAIN_AT_LEAST = 3.0  # times the jobs of the peer for the same worker CPU


def main(jobs: int = 2000, rounds: int = 7) -> int:
    with ground("redis", "postgres") as place:
        _, plain, peer, _, durable, results, peer_results = ways = measure(place, jobs, rounds)
    print(f"\n{jobs:,} no-op jobs in each of {rounds} interleaved rounds, Redis and PostgreSQL\n")
    table(
        (
            "",
            "worker CPU ms per job",
            "jobs per worker CPU second, to the peer's",
            "jobs a second",
            "publishing, CPU ms",
        ),
        [(way.name, median(way.cpu), ratio(way, peer), median(way.rates), median(way.publishing)) for way in ways],
    )
    print("durable takes so many times the worker's CPU of")
    for way in (plain, results, peer_results):
        print(f"  {way.name}: {1 / ratio(durable, way):.2f}")
    return int(ratio(plain, peer) < PLAIN_AT_LEAST or ratio(durable, peer_results) < 1)


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
