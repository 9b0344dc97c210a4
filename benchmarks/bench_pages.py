"""What the page of the jobs costs: python benchmarks/bench_pages.py [FEW] [MANY]

CPU of each of its pages, from the request to the rendered answer, on PostgreSQL and Redis, beside few finished rows and
beside many; a tenth as many jobs wait, and a twentieth as many are dead. A search looks through a fixed number of the
newest rows; a table that holds fewer is searched sooner, so it is not held to the ratio.
"""

from __future__ import annotations

import sys

from measuring import table

from ground import ground  # isort: skip  found by the line above

AT_MOST = 1.5  # times what it takes with few
SEARCH = "a search"


def main(few: int = 1_000, many: int = 1_000_000) -> int:
    with ground("redis", "postgres") as place:
        place.project.manage("collectstatic", "--no-input", "-v", "0", **place.variables)
        levels = place.ask("pages", str(few), str(many))
    rows = []
    for name, least in levels[str(few)].items():
        most = levels[str(many)][name]
        rows.append((name, least["ms"], most["ms"], most["ms"] / least["ms"], least["statements"], most["statements"]))
    table(("page", f"CPU ms, {few:,} rows", f"CPU ms, {many:,} rows", "ratio", "statements", "statements, many"), rows)
    return int(any(ratio > AT_MOST for name, _, _, ratio, _, _ in rows if name != SEARCH))


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
