"""Draw the last hour of a queue: one bar a minute, in units that stretch to any size of picture."""

from __future__ import annotations

from dataclasses import dataclass

from djcelery_jobs.dashboard.snapshot import Minute

HEIGHT = 40
STEP, WIDTH = 4, 3  # from bar to bar, and of a bar


@dataclass(frozen=True)
class Part:
    """Draw one outcome in a bar. kind: the outcome, for which the style sheet has a colour."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """Draw one minute."""

    x: int
    parts: list[Part]
    text: str


@dataclass(frozen=True)
class Chart:
    """Draw the minutes of one queue. peak: jobs in the busiest minute, which is as high as the picture."""

    queue: str
    bars: list[Bar]
    peak: int
    done: int
    failed: int
    retried: int
    width: int
    height: int = HEIGHT


def chart(queue: str, minutes: list[Minute]) -> Chart:
    """Return the chart of one queue. minutes: in the order of time."""
    peak = max((minute.done + minute.failed + minute.retried for minute in minutes), default=0)
    return Chart(
        queue=queue,
        bars=[_bar(number * STEP, minute, peak or 1) for number, minute in enumerate(minutes)],
        peak=peak,
        done=sum(minute.done for minute in minutes),
        failed=sum(minute.failed for minute in minutes),
        retried=sum(minute.retried for minute in minutes),
        width=len(minutes) * STEP,
    )


def _bar(x: int, minute: Minute, peak: int) -> Bar:
    parts, top = [], float(HEIGHT)
    for kind in ("done", "retried", "failed"):  # from below
        if count := getattr(minute, kind):
            height = count * HEIGHT / peak
            top -= height
            parts.append(Part(kind, round(top, 2), round(height, 2)))
    text = f"{minute.at:%H:%M}: {minute.done} done, {minute.retried} retried, {minute.failed} failed"
    return Bar(x, parts, text)
