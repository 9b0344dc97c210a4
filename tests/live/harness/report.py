"""Say what is left when a test is over: counts of effects, rows and interrupted runs, and the ends of the logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

LOG_TAIL = 1200  # characters of each log
NOT_DONE = """
    SELECT id, task, args, state, queue, starts, attempts, publications, created_at, waiting_since, started_at,
           publish_at, finished_at, worker, error
    FROM djcelery_jobs_job WHERE state <> 'done' ORDER BY created_at LIMIT 5
"""
# Only the jobs of the workload: beat adds jobs of the project's own, at 02:10 and at minute 40.
EVERY_STATE = "SELECT queue, state, count(*) FROM djcelery_jobs_job GROUP BY queue, state ORDER BY queue, state"
STATES = "SELECT state, count(*) FROM djcelery_jobs_job WHERE task LIKE 'workload.%' GROUP BY state"
INTERRUPTED = "SELECT sum(starts - 1) FROM djcelery_jobs_job WHERE task LIKE 'workload.%' AND starts > 1"
EXPECTED = "SELECT count(*) FROM workload_expected"
EFFECTS = "SELECT count(*) FROM workload_effect"
COUNTED = "SELECT sum(value) FROM workload_counter"
LOST = (
    "SELECT count(*) FROM workload_expected x "
    "WHERE NOT EXISTS (SELECT 1 FROM workload_effect e WHERE e.number = x.number)"
)
UNEXPECTED = (
    "SELECT count(*) FROM workload_effect e "
    "WHERE NOT EXISTS (SELECT 1 FROM workload_expected x WHERE x.number = e.number)"
)
DOUBLED = "SELECT count(*) - count(DISTINCT number) FROM workload_effect"


class Database(Protocol):
    def rows(self, query: str) -> list[tuple[Any, ...]]: ...


@dataclass
class Outcome:
    """Count what is left when all is over. Promised are `lost` to `states`."""

    dispatched: int  # jobs whose transaction committed
    lost: int  # jobs without an effect
    doubled: int  # effects too many
    unexpected: int  # effects of transactions that rolled back
    half_done: int  # first effects without the second, or the other way round
    states: dict[str, int]  # rows of durable jobs
    interrupted: int  # runs that a kill ended
    seconds: float = 0.0  # from the last fault to the last effect
    refused: int = 0  # plain jobs whose caller got an error

    @property
    def is_intact(self) -> bool:
        wrong = self.lost or self.doubled or self.unexpected or self.half_done
        return not wrong and "done" in self.states and self.states.keys() <= {"done", "cancelled"}


def number(database: Database, query: str) -> int:
    """Return the first column of the first row, and 0 for NULL."""
    return int(database.rows(query)[0][0] or 0)


def states(database: Database) -> dict[str, int]:
    """Count the jobs of the workload by state."""
    return {state: int(count) for state, count in database.rows(STATES)}


def outcome(database: Database) -> Outcome:
    """Count everything that a test of lost jobs asserts."""
    return Outcome(
        dispatched=number(database, EXPECTED),
        lost=number(database, LOST),
        doubled=number(database, DOUBLED),
        unexpected=number(database, UNEXPECTED),
        half_done=abs(number(database, EFFECTS) - number(database, COUNTED)),
        states=states(database),
        interrupted=number(database, INTERRUPTED),
    )


def failure_report(database: Database, logs: Iterable[Path], processes: Iterable[str]) -> str:
    """Return the rows that are not done, the end of each log, and what is said of the processes.

    processes: asked last, since an answer adds to a log. It comes last too, where a CI that cuts its output keeps it.
    """
    rows = [" ".join(str(value) for value in row) for row in database.rows(NOT_DONE)]
    counts = [f"{queue} {state} {count}" for queue, state, count in database.rows(EVERY_STATE)]
    ends = [f"{log.name}:\n{log.read_text(errors='replace')[-LOG_TAIL:]}" for log in sorted(logs)]
    parts = {"jobs that are not done": rows, "logs": ends, "jobs by queue and state": counts, "processes": processes}
    return "\n".join(line for title, lines in parts.items() for line in (f"{title}:", *lines))
