"""Run a project on several hosts: web, broker, database, and hosts of workers, each of which runs a beat as well."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from tests.live.harness.environment import Environment, environment_on, exit_code
from tests.live.harness.processes import eventually, whole_lines
from tests.live.harness.project import SHORT, Policy, schedule
from tests.live.harness.report import EFFECTS, Outcome
from tests.live.harness.servers import running_broker, running_database
from tests.live.hosts.network import Network, network

WORKERS = ("jobs-1", "jobs-2")
EVERY = 4  # seconds between two runs of the entry in the schedule
SENT = "Sending due task tick "
HOLDS = "beat: holds the lock"


@dataclass
class ScheduledRuns:
    """Count what the beats of all hosts sent.

    Of two runs that are nearer to each other than half the distance that they should have, one is too many.
    """

    runs: int
    doubled: int
    senders: int  # hosts whose beat sent any


@dataclass
class Hosts:
    """Hold the network, and the project whose processes run on its hosts."""

    net: Network
    environment: Environment

    def run_jobs_on(self, name: str) -> None:
        """Run a worker and a beat on this host."""
        enter = self.net.hosts[name].location.enter
        worker = self.environment.worker_service(f"worker-{name}", enter=enter)
        self.environment.supervisor.add([worker, self.environment.beat_service(f"beat-{name}", enter=enter)])

    def beat_holder(self) -> str:
        """Return the host whose beat took the lock last."""
        taken = {name: max(_times(self._lines(name), HOLDS), default=0.0) for name in self.net.hosts}
        return max(taken, key=lambda name: taken[name])

    def cut(self, names: Sequence[str], seconds: float) -> None:
        """Unplug these hosts for a while, all at the same time."""
        for name in names:
            self.net.hosts[name].cut()
        time.sleep(seconds)
        for name in names:
            self.net.hosts[name].heal()

    def power_off(self, name: str) -> None:
        names = (f"worker-{name}", f"beat-{name}")
        supervisor = self.environment.supervisor
        supervisor.remove([service for service in supervisor.services if service.name in names])
        self.net.hosts[name].power_off()

    def scheduled_runs(self) -> ScheduledRuns:
        sent = {name: _times(self._lines(name), SENT) for name in self.net.hosts}
        times = sorted(at for host_times in sent.values() for at in host_times)
        doubled = sum(after - before < EVERY / 2 for before, after in pairwise(times))
        return ScheduledRuns(len(times), doubled, sum(bool(host_times) for host_times in sent.values()))

    def _lines(self, name: str) -> list[str]:
        logs = sorted(self.environment.folder.glob(f"beat-{name}-*.log"))
        return [line for log in logs for line in whole_lines(log)]


def _times(lines: list[str], words: str) -> list[float]:
    """Return when the events with these words happened; all hosts share one clock."""
    events = [json.loads(line) for line in lines if words in line and line.startswith("{")]
    return [datetime.fromisoformat(event["timestamp"]).timestamp() for event in events]


@contextmanager
def running_hosts(broker: str, policy: Policy = SHORT) -> Iterator[Hosts]:
    """Run five hosts."""
    with (
        network("web", "broker", "database", *WORKERS) as net,
        running_broker(broker, net.hosts["broker"].location) as queue,
        running_database("postgres", net.hosts["database"].location) as store,
        environment_on(queue, store, f"five hosts with {broker}", policy=policy) as made,
    ):
        made.enter = net.hosts["web"].location.enter
        schedule(made.project, "tick", "workload.tasks.probes.tick", EVERY, expires=60)
        result = Hosts(net, made)
        for name in WORKERS:
            result.run_jobs_on(name)
        made.supervisor.all_ready()
        yield result


def partitions(
    hosts: Hosts, longest: float, shortest: float, say: Callable[[str], None] = lambda line: None
) -> tuple[Outcome, ScheduledRuns]:
    """Cut and heal links, add a host, and end one for good, all under load.

    longest: seconds for which the host is cut whose beat holds the lock. shortest: for the others.
    """
    rate = 8
    seconds = longest + 2 * shortest + 25
    tasks = {"rate": rate, "longest": 0.6, "tasks": "durable,durable,stepwise"}
    dispatching = hosts.environment.dispatch(0, round(rate * seconds), **tasks)
    hosts.environment.wait_for_effects(20)
    hosts.environment.supervisor.all_ready()
    holder = eventually("a beat with the lock", lambda: hosts.scheduled_runs().runs and hosts.beat_holder())

    for names, pause in (([holder], longest), (WORKERS, shortest), (["broker"], shortest)):
        hosts.cut(names, pause)
        done = hosts.environment.number(EFFECTS)
        say(f"{', '.join(names)} cut for {pause} s: {done} jobs done, {hosts.scheduled_runs()}")
        time.sleep(5)
    hosts.net.add("jobs-3")
    hosts.run_jobs_on("jobs-3")
    hosts.power_off(hosts.beat_holder())
    say("a host added, one without power")
    off = time.time()
    assert exit_code(dispatching) == 0
    over = hosts.environment.settle(180)
    outcome = hosts.environment.outcome()
    outcome.seconds = over - off
    return outcome, hosts.scheduled_runs()
