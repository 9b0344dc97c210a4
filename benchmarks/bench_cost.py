"""Measure what a job that does nothing costs: python -m benchmarks.bench_cost [JOBS] [ROUNDS]

Workers of two processes each, on one Valkey and one PostgreSQL: this project's plain task with JOBS_LOG_LEVEL=WARNING,
the same with a line in the log for each job, and in a pool of threads, which has no time limits; its durable task; the
settings that the most used Django template generates ("peer"); and both with results kept in the Django database. The
durable task is there once more, as a `@task` of Django's. Each
round runs all of them, one after the other, each with its jobs waiting before it begins; a ratio is the median of the
rounds' own ratios.
"""

from __future__ import annotations

import sys
from statistics import median

from benchmarks.measuring import save, sizes, table
from tests.live.durable.cost import Way, measure, ratio
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

PLAIN_AT_LEAST = 3.0  # times the jobs of the peer for the same worker CPU
FUNCTION_AT_MOST = 1.1  # times the worker CPU of a durable job, for one of a @task


def main() -> int:
    (jobs, rounds), full = sizes(__doc__, jobs=2000, rounds=7)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        _, plain, peer, _, durable, function, results, peer_results = ways = measure(environment, jobs, rounds)
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
    save("cost", {"jobs": jobs, "rounds": rounds, "ways": {way.name: figures(way, peer) for way in ways}}, full=full)
    print("durable takes so many times the worker's CPU of")
    for way in (plain, results, peer_results):
        print(f"  {way.name}: {1 / ratio(durable, way):.2f}")
    print(f"a @task takes so many times the worker's CPU of a durable task: {ratio(durable, function):.2f}")
    missed = (
        ratio(plain, peer) < PLAIN_AT_LEAST,
        ratio(durable, peer_results) < 1,
        ratio(durable, function) > FUNCTION_AT_MOST,
    )
    return int(any(missed))


def figures(way: Way, peer: Way) -> dict[str, float]:
    return {
        "cpu_ms": median(way.cpu),
        "jobs_to_the_peers": ratio(way, peer),
        "rate": median(way.rates),
        "publishing_ms": median(way.publishing),
    }


if __name__ == "__main__":
    sys.exit(main())
