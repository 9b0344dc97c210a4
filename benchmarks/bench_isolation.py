"""Measure the wait of short jobs while slow and report are saturated: python -m benchmarks.bench_isolation [SECONDS]

This project's process for each class, and one worker on one queue with as many processes in all, at the same time on
the same machine. Long jobs for so many seconds of all processes stand in the queues at the beginning; then short ones
are asked for, 20 a second.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.durable.isolation import CLASSES, saturate, start_both
from tests.live.harness.environment import running_environment
from tests.live.harness.project import AS_GENERATED

AT_MOST = 1 / 500


def main() -> int:
    (seconds,), full = sizes(__doc__, seconds=60)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        start_both(environment)
        waits = saturate(environment, seconds, every=0.05, long=2)
    apart, together = waits["apart"], waits["together"]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    print(f"\nms that a short job waits, {sum(CLASSES.values())} processes in each layout, {seconds} s\n")
    table(
        ("", "one process for each class", "one worker, one queue", "ratio"),
        [
            (name, apart.at(at), together.at(at), f"1/{together.at(at) / apart.at(at):,.0f}")
            for name, at in shares.items()
        ],
    )
    layouts = {"apart": apart, "together": together}
    figures = {layout: {name: wait.at(at) for name, at in shares.items()} for layout, wait in layouts.items()}
    save("isolation", figures, full=full)
    return int(apart.at(0.99) / together.at(0.99) > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
