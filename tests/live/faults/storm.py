"""Faults of all kinds, one after the other, while jobs are dispatched and run."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rig import Outcome, Rig, ended


@dataclass(frozen=True, kw_only=True)
class Storm:
    """How many of each, and how fast."""

    jobs: int  # numbers: what is dispatched, and what rolls back
    child_kills: int
    worker_kills: int
    broker_kills: int
    wipes: int
    database_restarts: int
    publisher_kills: int
    beat_kills: int = 1
    rate: float = 15  # jobs in a second
    longest: float = 0.6  # seconds; at that rate and mix most of eight children are busy
    tasks: str = "durable,durable,stepwise"
    rollbacks: float = 0.1
    workers: int = 2
    seed: int = 1


def rage(rig: Rig, storm: Storm, say: Callable[[str], None] = lambda line: None) -> Outcome:
    """Let the storm go over a rig whose crew is ready. Returns what is left when the last job is done."""
    publisher = Publisher(rig, storm)
    publisher.start()
    chance = random.Random(storm.seed)  # noqa: S311  no secret
    last = time.time()
    faults = _faults(rig, storm, chance)
    for place, (name, fault) in enumerate(faults, 1):
        publisher.wait_until(place / (len(faults) + 1))
        fault()
        last = time.time()
        say(
            f"fault {place} of {len(faults)}: {name}; {publisher.progress:.0%} dispatched, {rig.crew.restarts} restarts"
        )
    publisher.join()
    assert not publisher.failure, publisher.failure
    last = max(last, publisher.last_kill)
    over = rig.settle(900, patience=None if "plain" not in storm.tasks else 40)
    outcome = rig.outcome()
    outcome.seconds = max(0.0, over - last)
    outcome.refused = publisher.refused
    return outcome


class Publisher(threading.Thread):
    """Runs the publishing process; where it is killed, the next one goes on."""

    def __init__(self, rig: Rig, storm: Storm) -> None:
        super().__init__(daemon=True)
        self.rig, self.storm = rig, storm
        self.refused = 0
        self.last_kill = 0.0
        self.failure = ""

    def run(self) -> None:
        storm = self.storm
        parts = storm.publisher_kills + 1
        borders = [storm.jobs * part // parts for part in range(parts + 1)]
        options = {"rate": storm.rate, "longest": storm.longest, "tasks": storm.tasks, "rollbacks": storm.rollbacks}
        for part in range(parts):
            die = part < parts - 1
            process = self.rig.publish(borders[part], borders[part + 1], die=die, **options)
            code = ended(process, 3600)
            self.last_kill = time.time() if die else self.last_kill
            self.refused += len(process.lines("^refused "))
            if code != (-9 if die else 0):
                self.failure = f"the publisher ended with {code}:\n{process.text[-3000:]}"
                return

    @property
    def progress(self) -> float:
        """The share of its numbers that it is through with."""
        return (self.rig.number("SELECT max(number) FROM workload_wish") + 1) / self.storm.jobs

    def wait_until(self, share: float) -> None:
        """So that the faults are spread over the whole time in which there is work; two a second at the most."""
        time.sleep(0.5)
        while self.is_alive() and self.progress < share:
            time.sleep(0.2)


def _faults(rig: Rig, storm: Storm, chance: random.Random) -> list[tuple[str, Callable[[], None]]]:
    """All of them, mixed; the same ones in the same order each time."""
    whole = storm.worker_kills // 2
    kinds: list[tuple[int, str, Callable[[], None]]] = [
        (storm.child_kills, "child killed", lambda: rig.crew.kill_child(chance)),
        (whole, "worker killed", lambda: rig.crew.kill_worker(chance, whole=True)),
        (storm.worker_kills - whole, "parent killed", lambda: rig.crew.kill_worker(chance, whole=False)),
        (storm.broker_kills, "broker killed", lambda: _restart_broker(rig)),
        (storm.wipes, "broker wiped", rig.broker.wipe),
        (storm.database_restarts, "database restarted", lambda: restart_database(rig, 1)),
        (storm.beat_kills, "beat killed", rig.crew.kill_beat),
    ]
    faults = [(name, fault) for count, name, fault in kinds for _ in range(count)]
    chance.shuffle(faults)
    return faults


def _restart_broker(rig: Rig) -> None:
    rig.broker.kill()
    time.sleep(2)
    rig.broker.start()


def restart_database(rig: Rig, seconds: float) -> None:
    """Crash the database, and start it again after a while."""
    rig.database.stop()
    time.sleep(seconds)
    rig.database.start()
