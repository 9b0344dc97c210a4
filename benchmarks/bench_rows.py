"""Measure what durable rows cost the database: python -m benchmarks.bench_rows [FINISHED] [OPEN] [DISPATCHED]

One pass of the relay and of prune over many rows on PostgreSQL, with the plans; and many jobs dispatched at once.
"""

from __future__ import annotations

from typing import Any

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.project import AS_GENERATED


def passes(environment: Environment, finished: int, open_rows: int) -> dict[str, Any]:
    print(f"\nOne pass over {finished:,} finished and {open_rows:,} open rows on PostgreSQL\n")
    found = environment.ask("plans", str(finished), str(open_rows))
    table(
        ("pass", "rows taken", "ms", "statements", "index"),
        [(name, one["rows"], one["ms"], one["statements"], index(one["plan"])) for name, one in found.items()],
    )
    return {name: {key: one[key] for key in ("rows", "ms", "statements")} for name, one in found.items()}


def index(plan: list[str]) -> str:
    """Return the line of the plan that says how rows are found."""
    return next((line.strip(" ->").partition("  (")[0] for line in plan if "Scan" in line), plan[0])


def dispatch(count: int) -> dict[str, Any]:
    print(f"{count:,} jobs dispatched at once by apply_async_many, in one transaction\n")
    rows = []
    for broker, database in (("redis", "postgres"), ("rabbitmq", "postgres"), ("redis", "sqlite")):
        with running_environment(broker, database, policy=AS_GENERATED) as environment:
            taken = environment.ask("dispatch", str(count))
            rows.append((f"{broker}, {database}", taken["statements"], taken["write"], taken["publish"]))
    table(("on", "statements", "s to write the rows", "s to publish them after the commit"), rows)
    names = ("statements", "write", "publish")
    return {name: dict(zip(names, row, strict=True)) for name, *row in rows}


def main() -> None:
    (finished, open_rows, dispatched), full = sizes(__doc__, finished=1_000_000, open_rows=10_000, dispatched=10_000)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        figures = passes(environment, finished, open_rows)
    save("rows", {"passes": figures, "dispatch": dispatch(dispatched)}, full=full)


if __name__ == "__main__":
    main()
