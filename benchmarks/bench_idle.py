"""Measure a worker with little to do: python -m benchmarks.bench_idle [SECONDS] [JOBS]

On one Valkey and PostgreSQL: how soon single jobs begin after their commit, durable, plain, and with the settings that
the most used Django template generates ("peer"), in turns; then the memory of the workers, two processes each, after
these jobs; then the CPU of the worker and of beat, in which the relay runs, in SECONDS with nothing to do. Memory is
the proportional share (PSS), so what processes share is counted once.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median

from benchmarks.measuring import save, sizes, table
from tests.live.durable.cost import Way, cpu_seconds, prepare, start, wait_until_they_work
from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import Process, eventually
from tests.live.harness.project import AS_GENERATED

LATENCY_AT_MOST = 1.2  # times the peer's
MEMORY_AT_MOST = 1.0  # times the peer's
IDLE_AT_MOST = 0.5  # percent of a core
ROUNDS = 5


def main() -> int:
    (seconds, jobs), full = sizes(__doc__, seconds=120, jobs=300)
    with running_environment("redis", "postgres", policy=AS_GENERATED) as environment:
        tried = {
            "durable": Way("durable", "plain", task="begin_durable", number=1),
            "plain": Way("plain", "plain", task="begin", number=2),
            "peer": Way("peer", "peer", task="begin", app="peer", queue="celery", number=3),
        }
        prepare(environment)
        for way in tried.values():
            start(environment, way, 2)
        own = environment.start(*environment.beat_command, name="beat", **tried["durable"].variables(environment))
        wait_until_they_work(environment, tried.values())
        waits = latencies(environment, tried, jobs)
        memory = {name: memory_mb(way.worker) for name, way in tried.items() if way.worker}
        idle = idle_percent({"worker": tried["durable"].worker, "beat": own}, seconds)
    found = {
        "p50": median(waits["durable"]) / median(waits["peer"]),
        "memory": max(memory["durable"][kind] / memory["peer"][kind] for kind in memory["durable"]),
        "idle": sum(idle.values()),
    }
    print_figures(waits, memory, idle)
    save("idle", {"seconds": seconds, "jobs": jobs, "ms": waits, "memory_mb": memory, "idle_percent": idle}, full=full)
    return int(found["p50"] > LATENCY_AT_MOST or found["memory"] > MEMORY_AT_MOST or found["idle"] > IDLE_AT_MOST)


def latencies(environment: Environment, tried: Mapping[str, Way], jobs: int) -> dict[str, list[float]]:
    """Return the ms from the commit to the first line of the task, of so many jobs of each way."""
    waits: dict[str, list[float]] = defaultdict(list)
    rounds = max(1, min(ROUNDS, jobs // 20))
    each = max(1, jobs // rounds)
    first = 0
    for round_ in range(rounds + 1):
        for name, way in tried.items():
            words = ("dispatch_slowly", way.task, str(first), str(each))
            committed = environment.ask(*words, **way.variables(environment))
            first += each
            begun = eventually("all began", lambda end=first: began(environment, end))
            if round_:  # the first warms up
                waits[name] += [(begun[int(number)] - at) * 1000 for number, at in committed.items()]
    return waits


def began(environment: Environment, count: int) -> dict[int, float]:
    """Return when each job began, as soon as so many have."""
    file = environment.project.path / "starts.log"
    lines = file.read_text().splitlines() if file.exists() else []
    found = {int(number): float(at) for number, at in (line.split() for line in lines if line.count(" ") == 1)}
    return found if len(found) >= count else {}


def memory_mb(worker: Process) -> dict[str, float]:
    """Return the MiB of a worker's main process, and of one that it runs jobs in."""
    main = worker.popen.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return {"main": pss_mb(main), "child": mean(pss_mb(int(child)) for child in children)}


def pss_mb(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def idle_percent(processes: Mapping[str, Process | None], seconds: int) -> dict[str, float]:
    """Return what part of a core each takes, in percent, with nothing to do for so many seconds."""

    def taken() -> dict[str, float]:
        return {name: cpu_seconds(process.popen.pid) for name, process in processes.items() if process}

    before, begun = taken(), time.monotonic()
    time.sleep(seconds)
    after, passed = taken(), time.monotonic() - begun
    return {name: (after[name] - before[name]) / passed * 100 for name in after}


def print_figures(
    waits: Mapping[str, list[float]], memory: Mapping[str, Mapping[str, float]], idle: Mapping[str, float]
) -> None:
    peer = median(waits["peer"])
    table(
        ("", "commit to begin, p50 ms", "p99 ms", "p50 to the peer's: ratio", "main process, MiB", "each other, MiB"),
        [
            (name, median(ms), sorted(ms)[int(len(ms) * 0.99)], median(ms) / peer, *memory[name].values())
            for name, ms in waits.items()
        ],
    )
    print("\nnothing to do, percent of a core:", json.dumps(idle))


if __name__ == "__main__":
    sys.exit(main())
