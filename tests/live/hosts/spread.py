"""A project spread over hosts: web, broker, database, and hosts of workers, each of which runs a beat as well."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from network import Network, network
from rig import Outcome, Rig, ended, eventually, rig_on
from shop import edit
from targets import running_broker, running_database

WORKERS = ("jobs-1", "jobs-2")
EVERY = 4  # seconds between two runs of the entry in the schedule
ENTRY = f"""
    "tick": {{"task": "workload.tasks.tick", "schedule": {EVERY}, "options": {{"expires": 60}}}},
"""
SENT = "Sending due task tick "
DONE = "SELECT count(*) FROM workload_effect"
HOLDS = "beat: holds the lock"


@dataclass
class Schedule:
    """What the beats of all hosts sent. Of two runs that are nearer to each other than half the distance that they
    should have, one is too many."""

    runs: int
    doubled: int
    senders: int  # hosts whose beat sent any


@dataclass
class Spread:
    """The network, and the project whose processes run on its hosts."""

    net: Network
    rig: Rig

    def staff(self, name: str) -> None:
        """A worker and a beat on this host, as on any other."""
        enter = self.net.hosts[name].place.enter
        worker = self.rig.member(f"worker-{name}", "manage.py", "worker", "fast", ready=" ready.", enter=enter)
        words = ("-m", "celery", "-A", "shop", "beat", "-l", "INFO")
        beat = self.rig.member(f"beat-{name}", *words, ready="beat: ", enter=enter)
        self.rig.crew.hire([worker, beat])

    def beat_holder(self) -> str:
        """The host whose beat took the lock last."""
        taken = {name: max(_times(self._log(name), HOLDS), default=0.0) for name in self.net.hosts}
        return max(taken, key=lambda name: taken[name])

    def cut(self, names: Sequence[str], seconds: float) -> None:
        """Unplug these hosts for a while, all at the same time."""
        for name in names:
            self.net.hosts[name].cut()
        time.sleep(seconds)
        for name in names:
            self.net.hosts[name].heal()

    def power_off(self, name: str) -> None:
        gone = [member for member in self.rig.crew.members if member.name in (f"worker-{name}", f"beat-{name}")]
        self.rig.crew.lose(gone)
        self.net.hosts[name].power_off()

    def schedule(self) -> Schedule:
        sent = {name: _times(self._log(name), SENT) for name in self.net.hosts}
        times = sorted(at for each in sent.values() for at in each)
        doubled = sum(after - before < EVERY / 2 for before, after in pairwise(times))
        return Schedule(len(times), doubled, sum(bool(each) for each in sent.values()))

    def _log(self, name: str) -> str:
        return "".join(log.read_text() for log in sorted(self.rig.logs.glob(f"beat-{name}-*.log")))


def _times(log: str, words: str) -> list[float]:
    """When the events with these words happened; all hosts share one clock."""
    events = [json.loads(line) for line in log.splitlines() if words in line and line.startswith("{")]
    return [datetime.fromisoformat(event["timestamp"]).timestamp() for event in events]


@contextmanager
def spread(broker: str) -> Iterator[Spread]:
    """Five hosts at work."""
    with (
        network("web", "broker", "database", *WORKERS) as net,
        running_broker(broker, net.hosts["broker"].place) as queue,
        running_database("postgres", net.hosts["database"].place) as store,
        rig_on(queue, store, f"five hosts with {broker}") as made,
    ):
        made.enter = net.hosts["web"].place.enter
        edit(
            made.project.path / "shop/settings/jobs.py",
            "\nCELERY_BEAT_SCHEDULE = {\n",
            f"\nCELERY_BEAT_SCHEDULE = {{{ENTRY}",
        )
        result = Spread(net, made)
        for name in WORKERS:
            result.staff(name)
        made.crew.all_ready()
        yield result


def partitions(
    shop: Spread, longest: float, shortest: float, say: Callable[[str], None] = lambda line: None
) -> tuple[Outcome, Schedule]:
    """Links are cut and healed, a host is added, one dies for good, all under load.

    longest: seconds for which the host is cut whose beat holds the lock. shortest: for the others.
    """
    rate = 8
    seconds = longest + 2 * shortest + 25
    tasks = {"rate": rate, "longest": 0.6, "tasks": "durable,durable,stepwise"}
    publisher = shop.rig.publish(0, round(rate * seconds), **tasks)
    shop.rig.wait_for_effects(20)
    shop.rig.crew.all_ready()
    holder = eventually("a beat with the lock", lambda: shop.schedule().runs and shop.beat_holder())

    for names, pause in (([holder], longest), (WORKERS, shortest), (["broker"], shortest)):
        shop.cut(names, pause)
        say(f"{', '.join(names)} cut for {pause} s: {shop.rig.number(DONE)} jobs done, {shop.schedule()}")
        time.sleep(5)
    shop.net.add("jobs-3")
    shop.staff("jobs-3")
    shop.power_off(shop.beat_holder())
    say("a host added, one without power")
    off = time.time()
    assert ended(publisher) == 0
    over = shop.rig.settle(180)
    outcome = shop.rig.outcome()
    outcome.seconds = over - off
    return outcome, shop.schedule()
