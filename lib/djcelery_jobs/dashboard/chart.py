"""The last hour of a queue as bars, one for each minute, in units that any size of picture can stretch."""

from __future__ import annotations

from dataclasses import dataclass

from djcelery_jobs.dashboard.state import Minute

HEIGHT = 40
STEP, WIDTH = 4, 3  # from bar to bar, and of a bar


@dataclass(frozen=True)
class Part:
    """kind: what became of the jobs that it stands for; the style sheet knows its colour."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    x: int
    parts: list[Part]
    text: str


@dataclass(frozen=True)
class Chart:
    """most: jobs in the minute with the most of them, which is as high as the picture."""

    queue: str
    bars: list[Bar]
    most: int
    done: int
    failed: int
    retried: int
    width: int
    height: int = HEIGHT


def chart(queue: str, minutes: list[Minute]) -> Chart:
    """The bars of one queue, from its minutes in the order of time."""
    most = max((minute.done + minute.failed + minute.retried for minute in minutes), default=0)
    return Chart(
        queue=queue,
        bars=[_bar(number * STEP, minute, most or 1) for number, minute in enumerate(minutes)],
        most=most,
        done=sum(minute.done for minute in minutes),
        failed=sum(minute.failed for minute in minutes),
        retried=sum(minute.retried for minute in minutes),
        width=len(minutes) * STEP,
    )


def _bar(x: int, minute: Minute, most: int) -> Bar:
    parts, top = [], float(HEIGHT)
    for kind in ("done", "retried", "failed"):  # from below
        if count := getattr(minute, kind):
            height = count * HEIGHT / most
            top -= height
            parts.append(Part(kind, round(top, 2), round(height, 2)))
    text = f"{minute.at:%H:%M}: {minute.done} done, {minute.retried} retried, {minute.failed} failed"
    return Bar(x, parts, text)
