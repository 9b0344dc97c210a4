"""Draw docs/scaling.svg: what KEDA makes of a burst, of steady work and of a night: python docs/make_scaling.py

The arithmetic is that of KEDA and of the HorizontalPodAutoscaler that it drives, with the numbers of the template's
own manifests. Jobs and pods are simulated: a second at a time, from the same random numbers each time.
"""

from __future__ import annotations

import ast
import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PICTURE = Path(__file__).parent / "scaling.svg"
SLUG = "{{cookiecutter.project_slug}}"
TEMPLATE = Path(__file__).parents[1] / SLUG
SCALING = TEMPLATE / "deploy/kubernetes/scaling"
SYNC = 15  # seconds between two looks of the autoscaler, which is its default
TOLERANCE = 0.1  # a ratio this close to 1 changes nothing, its default too
BOOT = 20  # seconds until a new pod takes jobs, on a node that has the image


# -- The arithmetic -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trigger:
    """Describe one number that is looked at. average: it is for each pod, and not for all of them."""

    target: float
    average: bool

    def wants(self, value: float, pods: int) -> int:
        """Return how many pods this number asks for, when so many are there."""
        ratio = value / (self.target * pods) if self.average else value / self.target
        if abs(ratio - 1) <= TOLERANCE:
            return pods
        return math.ceil(value / self.target if self.average else pods * ratio - 1e-9)


@dataclass
class Scaler:
    """Compute the number of pods of one Deployment over time."""

    least: int
    most: int
    cooldown: int  # seconds without work after which the last pod goes
    window: int  # seconds: the most that was wanted in them is what is kept
    pods_down: int
    seconds_down: int  # no more than so many pods fewer in so many seconds
    triggers: list[Trigger]
    pods: int = 0
    _wanted: deque[tuple[int, int]] = field(default_factory=deque)
    _changes: deque[tuple[int, int]] = field(default_factory=deque)
    _active: int = 0

    def __post_init__(self) -> None:
        self.pods = self.least

    def look(self, now: int, values: Iterable[float]) -> int:
        """Take the numbers as they are now, each SYNC seconds. Return how many pods there should be."""
        seen = list(values)
        if any(value > 0 for value in seen):
            self._active = now
        before = self.pods
        if before == 0:
            self.pods = 1 if self._active == now and any(seen) else 0
        elif self.least == 0 and now - self._active >= self.cooldown:
            self.pods = 0
        else:
            wanted = max(trigger.wants(value, before) for trigger, value in zip(self.triggers, seen, strict=True))
            self.pods = self._gently(now, min(max(wanted, self.least, 1), self.most))
        self._changes.append((now, self.pods - before))
        return self.pods

    def _gently(self, now: int, wanted: int) -> int:
        self._wanted.append((now, wanted))
        while self._wanted[0][0] <= now - self.window:
            self._wanted.popleft()
        if wanted > self.pods:
            return min(wanted, max(self.pods + 4, self.pods * 2))
        stable = min(self.pods, max(each for _, each in self._wanted))
        fewer = -sum(change for at, change in self._changes if at > now - self.seconds_down and change < 0)
        return max(stable, self.pods - max(0, self.pods_down - fewer))


# -- What the manifests say -----------------------------------------------------------------------------------------


def scaler(name: str) -> Scaler:
    """Return the autoscaler of a workload class, as the manifests have it."""
    shared = _shared_spec()
    down = shared["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    [policy] = down["policies"]
    spec = _manifest(name)
    return Scaler(
        least=spec["minReplicaCount"],
        most=spec["maxReplicaCount"],
        cooldown=shared["cooldownPeriod"],
        window=down["stabilizationWindowSeconds"],
        pods_down=policy["value"],
        seconds_down=policy["periodSeconds"],
        triggers=[_trigger(each) for each in spec["triggers"]],
    )


def _shared_spec() -> dict[str, Any]:
    """Return what the kustomization patches into every autoscaler."""
    [patch] = yaml.safe_load((SCALING / "kustomization.yaml").read_text(encoding="utf-8"))["patches"]
    spec: dict[str, Any] = yaml.safe_load(patch["patch"])["spec"]
    return spec


@cache
def _manifest(name: str) -> dict[str, Any]:
    found = yaml.safe_load_all((SCALING / "redis.yaml").read_text(encoding="utf-8"))
    return next(each["spec"] for each in found if each["metadata"]["name"] == f"worker-{name}")


def _trigger(found: dict[str, Any]) -> Trigger:
    told = found["metadata"]
    return Trigger(float(told.get("listLength") or told["targetQueryValue"]), found.get("metricType") != "Value")


def concurrency(name: str) -> int:
    """Return how many jobs a pod of the class runs at once."""
    source = (TEMPLATE / SLUG / "settings/jobs.py").read_text(encoding="utf-8")
    [table] = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WORKLOADS"
    ]
    assert isinstance(table, ast.Dict)
    classes = {ast.literal_eval(key): value for key, value in zip(table.keys, table.values, strict=True) if key}
    call = classes[name]
    assert isinstance(call, ast.Call)
    return int(next(ast.literal_eval(each.value) for each in call.keywords if each.arg == "concurrency"))


# -- The simulation -------------------------------------------------------------------------------------------------


@dataclass
class Pod:
    ready: int
    free: list[float]  # when each of its processes has ended what it runs
    leaving: bool = False

    def running(self, now: int) -> int:
        return sum(end > now for end in self.free)


@dataclass
class Course:
    """Hold what happened, a value for each second."""

    waiting: list[int] = field(default_factory=list)
    age: list[float] = field(default_factory=list)
    pods: list[int] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    given: int = 0
    started: int = 0


def simulate(name: str, seconds: int, arrivals: Callable[[int], int], duration: Callable[[], float]) -> Course:
    """Let jobs come and run; the autoscaler looks each SYNC seconds. A pod that must leave ends its jobs first."""
    decides, slots, course = scaler(name), concurrency(name), Course()
    pods = [Pod(0, [0.0] * slots) for _ in range(decides.pods)]
    queue: deque[float] = deque()
    for now in range(seconds):
        came = arrivals(now)
        course.given += came
        queue.extend(now + (each + 0.5) / came for each in range(came))
        course.started += _work(pods, queue, now, duration)
        pods = [pod for pod in pods if not pod.leaving or pod.running(now + 1)]
        running = sum(pod.running(now + 1) for pod in pods)
        age = now + 1 - queue[0] if queue else 0.0
        if now % SYNC == 0:
            _follow(pods, decides.look(now, _seen(name, len(queue), age, running)), now, slots)
        course.waiting.append(len(queue))
        course.age.append(age)
        course.running.append(running)
        course.pods.append(sum(not pod.leaving for pod in pods))
    return course


def _work(pods: list[Pod], queue: deque[float], now: int, duration: Callable[[], float]) -> int:
    """Start the jobs of this second, each in the process that is free first. Return how many."""
    takers = [pod for pod in pods if not pod.leaving and pod.ready <= now]
    begun = 0
    while queue and takers:
        pod = min(takers, key=lambda each: min(each.free))
        first = pod.free.index(min(pod.free))
        if pod.free[first] >= now + 1:
            break
        pod.free[first] = max(pod.free[first], pod.ready, queue.popleft()) + duration()
        begun += 1
    return begun


def _seen(name: str, waiting: int, age: float, running: int) -> list[float]:
    """Return the numbers that the manifests have KEDA look at, in their order."""
    numbers = {"queue": waiting, "age": age, "busy": running, "work": waiting + running}
    return [numbers[trigger["name"]] for trigger in _manifest(name)["triggers"]]


def _follow(pods: list[Pod], wanted: int, now: int, slots: int) -> None:
    staying = [pod for pod in pods if not pod.leaving]
    for pod in staying[wanted:]:  # the newest first
        pod.leaving = True
    pods += [Pod(now + BOOT, [0.0] * slots) for _ in range(wanted - len(staying))]


def burst() -> Course:
    """Return 400 imports of about 40 seconds, all at once."""
    chance = random.Random(1)  # noqa: S311  no secret
    return simulate(
        "slow", 3600, lambda now: 400 if now == 300 else 0, lambda: chance.lognormvariate(math.log(36), 0.5)
    )


def steady() -> Course:
    """Return 40 jobs of half a second each second, for 35 minutes: the work of 20 processes, where 8 are there."""
    chance = random.Random(2)  # noqa: S311  no secret

    def arrivals(now: int) -> int:
        return sum(chance.random() < 0.5 for _ in range(80)) if 300 <= now < 2400 else chance.randrange(2)

    return simulate("fast", 3600, arrivals, lambda: chance.expovariate(2))


def night() -> Course:
    """Return one report of 25 minutes, and three of 5 minutes a little later."""
    return simulate(
        "report", 3600, lambda now: {300: 1, 900: 3}.get(now, 0), iter([1500.0, 300.0, 300.0, 300.0]).__next__
    )


# -- The picture ----------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, GAP = 250, 90, 60, 70
STYLE = """
    text { fill: #1f2328; font-size: 12px } .small { fill: #57606a; font-size: 11px } .head { font-weight: 600 }
    .axis { stroke: #8c959f; fill: none } .line { fill: none; stroke-width: 1.6 }
    .waiting { stroke: #0969da } .age { stroke: #bc4c00 } .pods { stroke: #1a7f37 } .running { stroke: #8250df }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .small { fill: #9198a1 } .axis { stroke: #6e7681 }
      .waiting { stroke: #4493f8 } .age { stroke: #f0883e } .pods { stroke: #3fb950 } .running { stroke: #ab7df8 }
    }
"""
ROWS = [("waiting", "jobs that wait"), ("age", "seconds that the oldest waits"), ("running", "jobs that run"),
        ("pods", "pods")]  # fmt: skip
COLUMNS = [("a burst: slow", burst), ("steady work: fast", steady), ("a night: report", night)]


def picture() -> str:
    parts = []
    for column, (title, story) in enumerate(COLUMNS):
        x = LEFT + column * (WIDTH + GAP)
        parts.append(f'  <text class="head" x="{x}" y="20">{title}</text>')
        course = story()
        for row, (key, label) in enumerate(ROWS):
            y = 50 + row * (HEIGHT + 38)
            parts += _plot(getattr(course, key), key, label, x, y)
        parts.append(f'  <text class="small" x="{x + WIDTH - 48}" y="{50 + 4 * (HEIGHT + 38) - 18}">60 minutes</text>')
    size = f"{LEFT + 3 * (WIDTH + GAP)} {50 + 4 * (HEIGHT + 38)}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="system-ui, sans-serif">'
    return "\n".join([head, f"  <style>{STYLE}  </style>", *parts, "</svg>\n"])


def _plot(values: list[Any], key: str, label: str, x: int, y: int) -> list[str]:
    most = max(*values, 1)
    points, last = [], None
    for second in range(0, len(values), 5):
        value = values[second]
        if value != last:
            if last is not None:
                points.append((second, last))  # a step, not a slope
            points.append((second, value))
        last = value
    points.append((len(values) - 1, values[-1]))
    line = " ".join(f"{x + at * WIDTH / len(values):.1f},{y + HEIGHT * (1 - value / most):.1f}" for at, value in points)
    return [
        f'  <text class="small" x="{x}" y="{y - 6}">{label}</text>',
        f'  <path class="axis" d="M{x} {y}V{y + HEIGHT}H{x + WIDTH}"/>',
        f'  <text class="small" x="{x - 8}" y="{y + 8}" text-anchor="end">{most:.0f}</text>',
        f'  <text class="small" x="{x - 8}" y="{y + HEIGHT}" text-anchor="end">0</text>',
        f'  <polyline class="line {key}" points="{line}"/>',
    ]


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    for title, story in COLUMNS:
        course = story()
        found = (
            f"{title}: {course.given} jobs, {course.started} started; {max(course.pods)} pods at most, "
            f"{course.pods[-1]} at the end; the oldest waited {max(course.age):.0f} s"
        )
        print(found)  # noqa: T201
