"""What durable rows cost the database: python benchmarks/bench_rows.py [FINISHED] [OPEN] [DISPATCHED]

One pass of the relay and of prune over many rows on PostgreSQL, with the plans; and many jobs dispatched at once.
"""

from __future__ import annotations

import sys

from measuring import table

from ground import Ground, ground  # isort: skip  found by the line above


def passes(place: Ground, finished: int, open_rows: int) -> None:
    print(f"\nOne pass over {finished:,} finished and {open_rows:,} open rows on PostgreSQL\n")
    found = place.ask("plans", str(finished), str(open_rows))
    table(
        ("pass", "rows taken", "ms", "statements", "index"),
        [(name, one["rows"], one["ms"], one["statements"], index(one["plan"])) for name, one in found.items()],
    )


def index(plan: list[str]) -> str:
    """The line of the plan that says how rows are found."""
    return next((line.strip(" ->").partition("  (")[0] for line in plan if "Scan" in line), plan[0])


def dispatch(count: int) -> None:
    print(f"{count:,} jobs dispatched at once by apply_async_many, in one transaction\n")
    rows = []
    for broker, database in (("redis", "postgres"), ("rabbitmq", "postgres"), ("redis", "sqlite")):
        with ground(broker, database) as place:
            taken = place.ask("dispatch", str(count))
            rows.append((f"{broker}, {database}", taken["statements"], taken["write"], taken["publish"]))
    table(("on", "statements", "s to write the rows", "s to publish them after the commit"), rows)


def main(finished: int = 1_000_000, open_rows: int = 10_000, dispatched: int = 10_000) -> None:
    with ground("redis", "postgres") as place:
        passes(place, finished, open_rows)
    dispatch(dispatched)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
