"""Measure two beats on one schedule: python -m benchmarks.bench_beats [SLOTS] [KILLS]

On each broker with each kind of schedule: how often an entry runs in each of its slots, how long after kill -9 of the
one that sends the other one does, what becomes of one that hangs and wakes up when another holds the lock, how often
an entry ran that was due at each minute of all that time, and how often one runs that was missed five times.

The slots of an entry with an interval follow each other a little later each time, because Celery counts an interval
from the last run; those of an entry with a crontab are the clock's.
"""

from __future__ import annotations

import sys

from benchmarks.measuring import save, sizes, table
from tests.live.durable.beats import SLOT, two_beats

TAKEOVER = 20  # seconds, at the most
MISSED = 5


def main() -> int:
    (slots, kills), full = sizes(__doc__, slots=60, kills=3)
    rows, wrong = [], False
    for broker in ("redis", "rabbitmq"):
        for schedule in ("settings", "database"):
            with two_beats(broker, schedule) as beats:
                per_slot = beats.runs_per_slot(slots)
                takeover = max(beats.takeover() for _ in range(kills))
                hung = beats.hang()
                runs, minutes = beats.runs_per_minute()
                by_the_clock = f"{runs} of {minutes}"
                missed = beats.downtime(MISSED)
                wrong = wrong or per_slot > 1.05 or runs != minutes or takeover > TAKEOVER or missed != 1
                rows.append((f"{broker}, {schedule}", per_slot, by_the_clock, takeover, hung, missed))
    print(f"\nan entry each {SLOT} s, {slots} slots, {kills} kills\n")
    head = (
        "",
        "runs per slot",
        "runs of minutes",
        "longest takeover, s",
        "one that hung leaves after, s",
        f"runs for {MISSED} missed slots",
    )
    table(head, rows)
    names = ("runs_per_slot", "runs_by_the_clock", "longest_takeover", "hung_leaves_after", "runs_for_missed")
    save("beats", {name: dict(zip(names, row, strict=True)) for name, *row in rows}, full=full)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
