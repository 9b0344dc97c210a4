"""Short jobs beside long ones: a process for each class, and one worker that reads all queues."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ground import Ground
from processes import eventually

CLASSES = {"fast": 4, "slow": 2, "report": 2}  # processes of each; together as many as the other layout has


@dataclass
class Waits:
    """How long short jobs waited, in ms, and how many of them had not begun when the time was up."""

    ms: list[float]
    missing: int

    def at(self, share: float) -> float:
        """What so many of them waited at the most. One that has not begun waits for ever."""
        every = [*self.ms, *[float("inf")] * self.missing]
        return every[min(int(share * len(every)), len(every) - 1)]


def start_both(place: Ground) -> None:
    """This project's layout on one Redis database, and one worker for everything on another."""
    for name, count in CLASSES.items():
        place.worker(name, "--concurrency", str(count))
    everything = ("-Q", ",".join(CLASSES), "-c", str(sum(CLASSES.values())), "-n", "all@%h", "-l", "INFO")
    words = ("-m", "celery", "-A", "shop", "worker", *everything)
    place.start(*words, name="worker-all", ready=r" ready\.", REDIS_URL=_other(place))


def saturate(place: Ground, seconds: int, every: float, long: float) -> dict[str, Waits]:
    """Fill slow and report, then ask for a short job now and then, of both layouts in turn."""
    layouts = {"apart": place.variables["REDIS_URL"], "together": _other(place)}
    count = int(seconds / every)
    backlog = int(3 * sum(CLASSES.values()) * seconds / long)
    publishers = [
        place.start(
            *("manage.py", "saturate", name, str(count), str(every), str(backlog), str(long)),
            name=f"saturate-{name}",
            REDIS_URL=url,
        )
        for name, url in layouts.items()
    ]
    for publisher in publishers:
        assert publisher.popen.wait(seconds + 120) == 0, publisher.text[-2000:]
    time.sleep(1)
    eventually("the short jobs of `apart`", lambda: len(_waits(place, "apart")) == count, 30)
    return {name: Waits(found := _waits(place, name), count - len(found)) for name in layouts}


def _waits(place: Ground, layout: str) -> Sequence[float]:
    file: Path = place.project.path / f"{layout}.latencies"
    return sorted(float(line) * 1000 for line in file.read_text().split()) if file.exists() else []


def _other(place: Ground) -> str:
    return urlsplit(place.variables["REDIS_URL"])._replace(path="/4").geturl()
