"""What the rules about time share: how long a value is, in seconds."""

from __future__ import annotations

from djcelery.project.facts import Module
from djcelery.rules._base import Project, Value

UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def delay_seconds(project: Project, module: Module, value: Value) -> float | None:
    """Return the seconds of a countdown, or of an eta that is now plus something."""
    number = project.number(module, value)
    if number is not None:
        return number
    seen = value.seen
    if seen.kind == "op" and seen.name == "Add" and any(item.seen.last == "now" for item in seen.items):
        return next((span for item in seen.items if (span := timedelta_seconds(item.seen)) is not None), None)
    return None


def timedelta_seconds(value: Value) -> float | None:
    """Return the seconds of a timedelta of constants."""
    if value.kind != "call" or value.last != "timedelta" or value.items:
        return None
    numbers = {key: amount.const for key, amount in value.named.items()}
    if not all(isinstance(number, int | float) for number in numbers.values()):
        return None
    return float(sum(UNITS.get(key, 0) * number for key, number in numbers.items()))
