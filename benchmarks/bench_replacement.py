"""Measure how long jobs stop when a process is replaced: python -m benchmarks.bench_replacement [JOBS] [ROUNDS]

A worker ends each of its processes after CELERY_WORKER_MAX_TASKS_PER_CHILD jobs and starts another. JOBS durable jobs
that do nothing wait when the worker starts, with one process and with two: the longest times in which no job began.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.project import AS_GENERATED

AT_MOST = 0.3  # seconds
BATCH = 200  # jobs that one transaction publishes itself
PAUSES = """
    SELECT extract(epoch FROM started_at - lag(started_at) OVER (ORDER BY started_at)) AS pause
    FROM djcelery_jobs_job WHERE task = 'workload.tasks.measured.noop_durable' ORDER BY pause DESC NULLS LAST
"""


def main() -> int:
    (jobs, rounds), full = sizes(__doc__, jobs=5000, rounds=3)
    pauses: dict[int, list[list[float]]] = {1: [], 2: []}
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        for _ in range(rounds):
            for processes, found in pauses.items():
                found.append(longest_pauses(environment, processes, jobs))
    table(
        ("processes", "longest time without a begin, s", "the others of the five longest"),
        [row(processes, found) for processes, found in pauses.items()],
    )
    print("ratio of the longest to what is wanted:", max(longest(found) for found in pauses.values()) / AT_MOST)
    save("replacement", {"jobs": jobs, "rounds": rounds, "pauses_s": pauses}, full=full)
    return int(max(longest(found) for found in pauses.values()) > AT_MOST)


def longest_pauses(environment: Environment, processes: int, jobs: int) -> list[float]:
    """Run jobs that wait already. Return the five longest times without a begin, in seconds."""
    environment.ask("dispatch_measured", "noop_durable", "many", str(jobs), f"--batch={BATCH}")
    environment.worker("fast", "--concurrency", str(processes))
    environment.wait_until_finished(600)
    found = [float(pause) for (pause,) in environment.database.rows(PAUSES) if pause is not None]
    environment.end_processes()
    environment.forget_everything()
    return found[:5]


def longest(found: list[list[float]]) -> float:
    return max(pauses[0] for pauses in found)


def row(processes: int, found: list[list[float]]) -> tuple[Any, ...]:
    others = sorted((pause for pauses in found for pause in pauses), reverse=True)[1:5]
    return processes, longest(found), ", ".join(f"{pause:.2f}" for pause in others)


if __name__ == "__main__":
    sys.exit(main())
