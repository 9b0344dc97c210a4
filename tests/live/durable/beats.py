"""Run two beats, of which one sends, and let it die, hang, or both be gone for a while.

No worker runs, so the messages in the queue are the runs.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.live.durable.exactly_once import messages
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import Process, eventually
from tests.live.harness.project import AS_GENERATED, Policy, edit

SLOT = 2  # seconds between two runs of the entry "often"
MINUTE = 60  # and of the entry "clock", whose slots are those of the clock
ENTRIES = f"""
CELERY_BEAT_SCHEDULE = {{
    "often": {{"task": "workload.tasks.measured.noop", "schedule": {SLOT}, "options": {{"expires": 3600}}}},
    "clock": {{"task": "workload.tasks.measured.noop", "schedule": crontab(), "options": {{"queue": "email"}}}},
"""


@dataclass
class Beats:
    """Hold some beats of one project, whose schedule has two entries."""

    environment: Environment
    minute: int  # of the clock, in which they were started
    running: list[Process] = field(default_factory=list)
    started: int = 0

    def start(self) -> Process:
        self.started += 1
        beat = self.environment.beat(f"beat-{self.started}")
        self.running.append(beat)
        return beat

    def runs(self) -> int:
        return messages(self.environment, "fast")

    def holder(self) -> Process:
        """Return the beat that has the lock. Of several that have had it in turn, the last."""
        pid = self.environment.database.rows("SELECT holder FROM djcelery_jobs_lease WHERE name = 'beat'")[0][0].split(
            ":"
        )[1]
        return next(beat for beat in self.running if beat.popen.pid == int(pid))

    def next_run(self, after: int, seconds: float = 60) -> float:
        """Wait until there are more runs than that. Returns the time."""
        eventually("the next run", lambda: self.runs() > after, seconds)
        return time.monotonic()

    def runs_per_slot(self, slots: int) -> float:
        before = self.runs()
        begun = self.next_run(before)
        before = self.runs()
        end = self.next_run(before + slots - 1, seconds=60 + slots * SLOT)
        return (self.runs() - before) * SLOT / (end - begun)

    def runs_per_minute(self) -> tuple[int, int]:
        """Return the runs of the entry "clock", and the minutes that have begun since the beats were started."""
        minute = away_from_the_minute(10, 50)
        return messages(self.environment, "email"), minute - self.minute

    def takeover(self) -> float:
        """Kill the holder with SIGKILL. Returns the seconds until the other one sends; a third one is started then."""
        victim = self.holder()
        os.kill(victim.popen.pid, signal.SIGKILL)
        killed = time.monotonic()
        victim.popen.wait()
        self.running.remove(victim)
        seconds = self.next_run(self.runs()) - killed
        self.start()
        return seconds

    def hang(self) -> float:
        """Stop the holder until another has taken the lock over, then wake it. Returns the seconds until it has
        left."""
        victim = self.holder()
        os.kill(victim.popen.pid, signal.SIGSTOP)
        try:
            eventually("another holds the lock", lambda: self.holder() is not victim)
        finally:
            os.kill(victim.popen.pid, signal.SIGCONT)
        woken = time.monotonic()
        self.running.remove(victim)
        victim.popen.wait(30)
        seconds = time.monotonic() - woken
        self.start()
        return seconds

    def downtime(self, slots: int) -> int:
        """End all beats for so many slots. Returns how many runs the first moment after that brings."""
        for beat in self.running:
            beat.end()
        self.running.clear()
        time.sleep(slots * SLOT)
        before = self.runs()
        self.start()
        self.next_run(before)
        time.sleep(SLOT / 2)
        return self.runs() - before


def away_from_the_minute(first: int, last: int) -> int:
    """Wait until the clock shows a second of these, so that no run is due or under way. Returns the minute."""
    while not first <= time.time() % MINUTE <= last:
        time.sleep(0.1)
    return int(time.time() // MINUTE)


@contextmanager
def two_beats(broker: str, schedule: str, policy: Policy = AS_GENERATED) -> Iterator[Beats]:
    """Run two on PostgreSQL. schedule: "settings" or "database"."""
    with running_environment(broker, "postgres", "--schedule", schedule, policy=policy) as environment:
        edit(environment.project.path / "shop/settings/jobs.py", "\nCELERY_BEAT_SCHEDULE = {\n", ENTRIES)
        minute = away_from_the_minute(1, 30)
        environment.manage("migrate", "-v", "0")  # takes the entries over into the database
        made = Beats(environment, minute)
        made.start()
        made.start()
        eventually("the first run", lambda: made.runs() > 0)
        yield made
