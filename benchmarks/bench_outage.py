"""A broker that is away while a shop takes orders: python benchmarks/bench_outage.py [SECONDS] [CUSTOMERS]

Each broker first refuses connections for so many seconds, then accepts them and never answers. Each customer orders
about three times a second, and each order is two durable jobs. A web server of two processes with four threads each,
a worker for each class that has work, and beat.
"""

from __future__ import annotations

import sys

from measuring import table

from outage import Outage, go_through, shop_behind_a_proxy  # isort: skip  found by the line above

NOTICED = 4  # seconds after which each process has met the broker that is away
BACK_TO_DONE = 15  # seconds from its return until the last job is done, at the most
REFUSED = 0.05  # seconds that a request takes at the 99th percentile then, where the broker refuses
HEAD = (
    "", "orders a second", "failed", "longest wait, s", "p99 ms before", "p99 ms once noticed", "lost",
    "s from its return to the last job",
)  # fmt: skip


def main(seconds: int = 20, customers: int = 12) -> int:
    rows, missed = [], 0
    for broker in ("redis", "rabbitmq"):
        with shop_behind_a_proxy(broker) as shop:
            for kind in ("refuse", "freeze"):
                found = go_through(*shop, kind, seconds, customers)
                rows.append((f"{broker}, {kind}", *_row(found, seconds)))
                slow = kind == "refuse" and p99(found.after_the_first(NOTICED)) > REFUSED
                missed += bool(found.failed or found.lost or found.back_to_done > BACK_TO_DONE or slow)
    table(HEAD, rows)
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
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
