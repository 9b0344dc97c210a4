"""Run short jobs beside long ones: with a process for each class, and with one worker that reads one queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.live.harness.environment import Environment
from tests.live.harness.processes import eventually

CLASSES = {"fast": 4, "slow": 2, "report": 2}  # processes of each; together as many as the other layout has
# Settings that stand beside the project's own: everything goes through one queue.
ONE_QUEUE = """
from shop.settings.production import *

ROUTES = dict.fromkeys(ROUTES, "slow")
CELERY_TASK_ROUTES = {task: {"queue": "slow"} for task in ROUTES}
"""


@dataclass
class Waits:
    """Hold how long short jobs waited for their start, in ms, sorted."""

    ms: Sequence[float]

    def at(self, share: float) -> float:
        """Return what so many of them waited at the most."""
        return self.ms[min(int(share * len(self.ms)), len(self.ms) - 1)]


def start_both(environment: Environment) -> None:
    """Start this project's layout on one Redis database, and one worker for everything on another."""
    for name, count in CLASSES.items():
        environment.worker(name, "--concurrency", str(count))
    (environment.project.path / "one_queue_settings.py").write_text(ONE_QUEUE)
    words = ("-Q", "slow", "-c", str(sum(CLASSES.values())), "-n", "all@%h", "-l", "INFO")
    command = ("-m", "celery", "-A", "shop", "worker", *words)
    environment.start(*command, name="worker-all", ready=r" ready\.", **_together(environment))


def saturate(environment: Environment, seconds: int, every: float, long: float) -> dict[str, Waits]:
    """Ask for long jobs that would keep all processes of a layout busy for so many seconds, then for a short job every
    so often, of both layouts at the same time. Ends when the last short job has begun."""
    layouts: dict[str, dict[str, str]] = {"apart": {}, "together": _together(environment)}
    count, backlog = int(seconds / every), int(sum(CLASSES.values()) * seconds / long)
    publishers = [
        environment.start(
            *("manage.py", "saturate", name, str(count), str(every), str(backlog), str(long)),
            name=f"saturate-{name}",
            **variables,
        )
        for name, variables in layouts.items()
    ]
    for publisher in publishers:
        assert publisher.popen.wait(seconds + 120) == 0, publisher.text[-2000:]
    for name in layouts:
        eventually(
            f"the short jobs of {name}", lambda name=name: len(_waits(environment, name)) == count, 4 * seconds + 60
        )
    return {name: Waits(_waits(environment, name)) for name in layouts}


def _waits(environment: Environment, layout: str) -> Sequence[float]:
    file: Path = environment.project.path / f"{layout}.latencies"
    return sorted(float(line) * 1000 for line in file.read_text().split()) if file.exists() else []


def _together(environment: Environment) -> dict[str, str]:
    url = urlsplit(environment.variables["REDIS_URL"])._replace(path="/4").geturl()
    return {"REDIS_URL": url, "DJANGO_SETTINGS_MODULE": "one_queue_settings"}
