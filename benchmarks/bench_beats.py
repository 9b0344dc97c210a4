"""Two beats on one schedule: python benchmarks/bench_beats.py [SLOTS] [KILLS]

On each broker with each kind of schedule: how often an entry runs in each of its slots, how long after kill -9 of the
one that sends the other one does, what becomes of one that hangs and wakes up when another holds the lock, and how
often an entry runs that was missed five times.
"""

from __future__ import annotations

import sys

from measuring import table

from beats import SLOT, two_beats  # isort: skip  found by the line above

TAKEOVER = 20  # seconds, at the most
MISSED = 5


def main(slots: int = 20, kills: int = 3) -> int:
    rows = []
    for broker in ("redis", "rabbitmq"):
        for schedule in ("settings", "database"):
            with two_beats(broker, schedule) as beats:
                per_slot = beats.runs_per_slot(slots)
                takeover = max(beats.takeover() for _ in range(kills))
                rows.append((f"{broker}, {schedule}", per_slot, takeover, beats.hang(), beats.downtime(MISSED)))
    print(f"\nan entry each {SLOT} s, {slots} slots, {kills} kills\n")
    head = (
        "",
        "runs per slot",
        "longest takeover, s",
        "one that hung leaves after, s",
        f"runs for {MISSED} missed slots",
    )
    table(head, rows)
    return int(any(row[1] > 1.05 or row[2] > TAKEOVER or row[4] != 1 for row in rows))


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
