"""Tell rules about time how many seconds a value is."""

from __future__ import annotations

from djcelery.project.facts import Module
from djcelery.rules._base import Project, Value

UNITS = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def delay_seconds(project: Project, module: Module, value: Value) -> float | None:
    """Return the seconds of a countdown, or of an eta that is now plus something."""
    number = project.number(module, value)
    if number is not None:
        return number
    resolved = value.resolved
    if resolved.kind == "op" and resolved.name == "Add" and any(item.resolved.last == "now" for item in resolved.items):
        return next((span for item in resolved.items if (span := timedelta_seconds(item.resolved)) is not None), None)
    return None


def timedelta_seconds(value: Value) -> float | None:
    """Return the seconds of a timedelta of constants."""
    if value.kind != "call" or value.last != "timedelta" or value.items:
        return None
    numbers = {key: amount.const for key, amount in value.keywords.items()}
    if not all(isinstance(number, int | float) for number in numbers.values()):
        return None
    return float(sum(UNITS.get(key, 0) * number for key, number in numbers.items()))
