"""What a look at the jobs costs: python benchmarks/bench_looks.py [FEW] [MANY]

The state for the page, the minutes of the last hour, and the text for Prometheus, on PostgreSQL and Redis, with few
rows and with many, of which a tenth wait (and as many messages in the queue) and a fiftieth are dead.
"""

from __future__ import annotations

import sys

from measuring import table

from ground import ground  # isort: skip  found by the line above

AT_MOST = 1.5  # times what it takes with few


def main(few: int = 1_000, many: int = 1_000_000) -> int:
    with ground("redis", "postgres") as place:
        levels = place.ask("looks", str(few), str(many))
    rows = [(f"{int(rows):,}", one["waiting"], one["ms"], one["statements"]) for rows, one in levels.items()]
    table(("finished rows", "messages waiting", "ms, median", "statements"), rows)
    ratio = levels[str(many)]["ms"] / levels[str(few)]["ms"]
    print(f"\nWith many it takes {ratio:.2f} times as long as with few.")
    return int(ratio > AT_MOST)


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
