"""Take orders in a shop while the broker is down: python -m benchmarks.bench_outage [SECONDS] [CUSTOMERS]

Each broker first refuses connections for so many seconds, then accepts them and never answers. Each customer orders
about three times a second, and each order is two durable jobs. A web server of two processes with four threads each,
a worker for each class that has work, and beat.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.durable.outage import Outage, go_through, site_behind_a_proxy
from tests.live.harness.project import AS_GENERATED

NOTICED = 4  # seconds after which each process has noticed that the broker is down
BACK_TO_DONE = 15  # seconds from its return until the last job is done, at the most
REFUSED = 0.05  # seconds that a request takes at the 99th percentile then, where the broker refuses
HEAD = (
    "", "orders a second", "failed", "longest wait, s", "p99 ms before", "p99 ms once noticed", "lost",
    "s from its return to the last job",
)  # fmt: skip


def main() -> int:
    (seconds, customers), full = sizes(__doc__, seconds=20, customers=12)
    rows, missed = [], 0
    for broker in ("redis", "rabbitmq"):
        with site_behind_a_proxy(broker, policy=AS_GENERATED) as site:
            for kind in ("refuse", "freeze"):
                found = go_through(*site, kind, seconds, customers)
                rows.append((f"{broker}, {kind}", *_row(found, seconds)))
                slow = kind == "refuse" and p99(found.after_the_first(NOTICED)) > REFUSED
                missed += bool(found.failed or found.lost or found.back_to_done > BACK_TO_DONE or slow)
    table(HEAD, rows)
    names = ("rate", "failed", "longest_wait", "p99_ms_before", "p99_ms_once_noticed", "lost", "back_to_done")
    save("outage", {name: dict(zip(names, row, strict=True)) for name, *row in rows}, full=full)
    return int(missed > 0)


def _row(found: Outage, seconds: int) -> tuple[float, ...]:
    return (
        len(found.during) / seconds,
        found.failed,
        max(request.seconds for request in found.during),
        p99(found.usual) * 1000,
        p99(found.after_the_first(NOTICED)) * 1000,
        found.lost,
        found.back_to_done,
    )


def p99(times: list[float]) -> float:
    return times[min(int(0.99 * len(times)), len(times) - 1)]


if __name__ == "__main__":
    sys.exit(main())
