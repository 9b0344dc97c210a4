"""Measure what dispatching durable jobs takes the caller: python -m benchmarks.bench_dispatch [JOBS] [ROUNDS] [MANY]

One by one, each in a transaction of its own, on PostgreSQL and Valkey: beside an INSERT of the same row through the
ORM, alone and with a plain job published after the commit. Each round takes all three in turn, and a ratio is the
median of the rounds' own. Then MANY in one transaction, in a loop and by `apply_async_many`, while a worker and beat
run: how long the caller waits after the commit, what memory it takes, and the longest time in which no job began.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.project import AS_GENERATED

ONE_AT_MOST = 1.3  # times an INSERT and a publish
FREE_AFTER = 1.0  # seconds that the caller of many may wait after the commit
PAUSE_AT_MOST = 5.0  # seconds without a begin while jobs of that transaction wait: the relay's long delays are minutes
LONGEST_PAUSE = """
    SELECT coalesce(extract(epoch FROM max(pause)), 0) FROM (
        SELECT started_at - lag(started_at) OVER (ORDER BY started_at) AS pause
        FROM djcelery_jobs_job WHERE task = 'workload.tasks.measured.noop_durable'
    ) AS pauses
"""


def main() -> int:
    (jobs, rounds, many), full = sizes(__doc__, jobs=200, rounds=15, many=20_000)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        one = environment.ask("dispatch_compared", str(jobs), str(rounds))
        environment.forget_everything()
        bulk = {how: at_once(environment, how, many) for how in ("many", "loop")}
    ratio = print_one(one)
    print()
    print_bulk(bulk, many)
    save("dispatch", {"jobs": jobs, "rounds": rounds, "many": many, "one": one, "bulk": bulk}, full=full)
    slow = [each for each in bulk.values() if each["after_commit_s"] > FREE_AFTER or each["pause_s"] > PAUSE_AT_MOST]
    return int(ratio > ONE_AT_MOST or bool(slow))


def at_once(environment: Environment, how: str, many: int) -> dict[str, float]:
    """Dispatch many in one transaction, and wait until all have ended."""
    environment.worker("fast", "--concurrency", "2")
    environment.beat()
    taken: dict[str, float] = environment.ask("dispatch_bulk", how, str(many))
    environment.settle(900)
    [[pause]] = environment.database.rows(LONGEST_PAUSE)
    environment.end_processes()
    environment.forget_everything()
    return taken | {"pause_s": float(pause)}


def print_one(taken: dict[str, list[dict[str, float]]]) -> float:
    """Print what one dispatch took in each way. Return how much more a durable one takes than a row and a message."""

    def ratio(name: str, unit: str) -> float:
        return median(own[unit] / least[unit] for own, least in zip(taken["durable"], taken[name], strict=True))

    names = {"durable": "a durable job", "row": "the row alone", "row_and_message": "the row and a plain job"}
    rows = []
    for key, name in names.items():
        own = [median(each[unit] for each in taken[key]) for unit in ("wall_ms", "cpu_ms")]
        rows.append((name, *own, ratio(key, "wall_ms"), ratio(key, "cpu_ms")))
    table(("one by one", "ms", "CPU ms", "durable job to it, ms: ratio", "CPU: ratio"), rows)
    return ratio("row_and_message", "wall_ms")


def print_bulk(bulk: dict[str, Any], many: int) -> None:
    names = ("to_commit_s", "after_commit_s", "memory_mb", "pause_s")
    table(
        (
            f"{many:,} in one transaction",
            "s to the commit",
            "s after it",
            "memory, MiB",
            "longest time without a begin, s",
        ),
        [(how, *(taken[name] for name in names)) for how, taken in bulk.items()],
    )


if __name__ == "__main__":
    sys.exit(main())
