"""What a test of lost jobs says when it fails: the rows that are not done, and how each log ends."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

LAST = 3000  # characters of each log
NOT_DONE = """
    SELECT id, task, args, state, queue, starts, attempts, publications, created_at, waiting_since, started_at,
           publish_at, finished_at, worker, error
    FROM djcelery_jobs_job WHERE state <> 'done' ORDER BY created_at LIMIT 20
"""


class Database(Protocol):
    def rows(self, query: str) -> list[tuple[Any, ...]]: ...


def story(database: Database, logs: Iterable[Path]) -> str:
    rows = [" ".join(str(value) for value in row) for row in database.rows(NOT_DONE)]
    ends = [f"{log.name}:\n{log.read_text(errors='replace')[-LAST:]}" for log in sorted(logs)]
    return "\n".join(["jobs that are not done:", *rows, *ends])
