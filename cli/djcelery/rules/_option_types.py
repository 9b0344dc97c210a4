"""Tell which values the timing options of a message may have."""

from __future__ import annotations

from djcelery.project.facts import Module
from djcelery.rules._base import Project, Value

NUMBERS = frozenset({"countdown", "time_limit", "soft_time_limit", "priority"})
TIMES = {"expires": "seconds or a datetime", "eta": "a datetime"}
TIMEDELTAS = ("datetime.timedelta", "django.utils.timezone.timedelta")


def describe_wrong_type(project: Project, module: Module, option: str, value: Value) -> str:
    """Say why a value cannot be that of an option, or return an empty text."""
    if option not in NUMBERS and option not in TIMES:
        return ""
    needed = TIMES.get(option, "a number")
    resolved = project.resolve(module, value)
    if resolved.kind == "call" and resolved.name in TIMEDELTAS:
        return f"{option} is a timedelta; Celery needs {needed}"
    const = resolved.const if resolved.kind == "const" else None
    if isinstance(const, str) and (option in NUMBERS or len(const) < len("2000-01-01")):
        return f"{option} is the string {const!r}; Celery needs {needed}"
    if option == "eta" and isinstance(const, int | float):
        return f"eta is the number {const!r}; Celery needs a datetime, or use countdown"
    return ""
