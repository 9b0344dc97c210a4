"""Measure what a look at the jobs costs: python -m benchmarks.bench_looks [FEW] [MANY]

The state for the page, the minutes of the last hour, and the text for Prometheus, on PostgreSQL and Redis, with few
rows and with many, of which a tenth wait (and as many messages in the queue) and a fiftieth are dead.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

AT_MOST = 1.5  # times what it takes with few


def main() -> int:
    (few, many), full = sizes(__doc__, few=1_000, many=1_000_000)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        levels = environment.ask("looks", str(few), str(many))
    rows = [(f"{int(rows):,}", one["waiting"], one["ms"], one["statements"]) for rows, one in levels.items()]
    table(("finished rows", "messages waiting", "ms, median", "statements"), rows)
    ratio = levels[str(many)]["ms"] / levels[str(few)]["ms"]
    save("looks", {rows: {"ms": one["ms"], "statements": one["statements"]} for rows, one in levels.items()}, full=full)
    print(f"\nWith many it takes {ratio:.2f} times as long as with few.")
    return int(ratio > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
