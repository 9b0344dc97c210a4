"""Measure what the page of the jobs costs: python -m benchmarks.bench_pages [FEW] [MANY] [LOADS]

CPU of each of its pages, from the request to the rendered answer, on PostgreSQL and Redis, beside few finished rows and
beside many; a tenth as many jobs wait, and a twentieth as many are dead, but at least the 2,000 that a search and the
groups of failures look at.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

AT_MOST = 1.5  # times what it takes with few


def main() -> int:
    (few, many, loads), full = sizes(__doc__, few=1_000, many=1_000_000, loads=25)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        environment.manage("collectstatic", "--no-input", "-v", "0")
        levels = environment.ask("pages", str(few), str(many), f"--loads={loads}")
    rows = []
    for name, least in levels[str(few)].items():
        most = levels[str(many)][name]
        rows.append((name, least["ms"], most["ms"], most["ms"] / least["ms"], least["statements"], most["statements"]))
    table(("page", f"CPU ms, {few:,} rows", f"CPU ms, {many:,} rows", "ratio", "statements", "statements, many"), rows)
    save("pages", levels, full=full)
    return int(any(ratio > AT_MOST for _, _, _, ratio, _, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
