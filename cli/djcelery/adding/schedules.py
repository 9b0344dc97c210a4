"""Add entries to the schedule: when a task runs, and how soon a run that was not started expires."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise

from djcelery.adding.fragments import Fragment, Item
from djcelery.adding.places import Places
from djcelery.editing import NotEditable
from djcelery.editing.python import Container, PythonSource, dict_value
from djcelery.errors import UsageError

CRONTAB_IMPORT = "from celery.schedules import crontab"
LONGEST_EXPIRY = 6 * 3600  # seconds
DAY = 24 * 60  # minutes
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DAYS = "sun mon tue wed thu fri sat".split()
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


@dataclass(frozen=True, slots=True)
class Field:
    """Describe one field of a cron line: Celery's name for it, its lowest and highest value, and names for values."""

    name: str
    lowest: int
    highest: int
    words: tuple[str, ...] = ()


# In the order of a cron line.
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day_of_month", 1, 31),
    Field("month_of_year", 1, 12, tuple(MONTHS)),
    Field("day_of_week", 0, 6, tuple(DAYS)),
)
# In the order of a call: the hour first, as people say it.
ORDER = ("hour", "minute", "day_of_week", "day_of_month", "month_of_year")


@dataclass(frozen=True, slots=True)
class Timing:
    """Say when an entry runs: every so many seconds, or by the five fields of a cron line."""

    seconds: int = 0
    cron: tuple[str, ...] = ()

    def source(self, source: PythonSource, near: Container) -> str:
        """Return the value of `schedule` in the quotes of a literal."""
        if not self.cron:
            return _seconds(self.seconds)
        fields = dict(zip((field.name for field in FIELDS), self.cron, strict=True))
        shown = [name for name in ORDER if name == "minute" or fields[name] != "*"]
        return f"crontab({', '.join(f'{name}={source.quoted(fields[name], near)}' for name in shown)})"

    @property
    def expires(self) -> int:
        """Return after how many seconds a run that was not started is dropped: when the next one comes, at latest."""
        return min(self.seconds or _shortest_pause(self.cron) * 60, LONGEST_EXPIRY)


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe an entry of the schedule as the settings have it. The timing is None where it is written differently."""

    task: str
    timing: Timing | None


def parse_timing(every: str | None, cron: str | None) -> Timing | None:
    """Return the timing that --every or --cron names. Raise UsageError for both, or for one that is not understood."""
    if every and cron:
        raise UsageError("--every and --cron cannot be combined.", "Pass only one of them.")
    if every:
        return Timing(seconds=_parse_every(every))
    return Timing(cron=_parse_cron(cron)) if cron else None


def schedule_item(places: Places, entry: str, task: str, timing: Timing, *, is_required: bool = True) -> Fragment:
    """Return the fragment of an entry."""

    def find(source: PythonSource) -> Container:
        if places.schedule is None:
            raise NotEditable("no dict with the schedule was found")
        return places.schedule.find(source)

    def value(source: PythonSource, near: Container) -> str:
        quoted = {word: source.quoted(word, near) for word in ("task", "schedule", "options", "expires", task)}
        return (
            f"{{\n    {quoted['task']}: {quoted[task]},\n"
            f"    {quoted['schedule']}: {timing.source(source, near)},\n"
            f"    {quoted['options']}: {{{quoted['expires']}: {_seconds(timing.expires)}}},\n}}"
        )

    path = places.schedule.path if places.schedule else "settings"
    imports = (CRONTAB_IMPORT,) if timing.cron else ()
    return Item(path, find, entry, value, f"run {task} on schedule", imports, is_required)


def entry_of(places: Places, name: str) -> Entry | None:
    """Return an entry of the schedule, or None if there is none of this name."""
    value = places.items(places.schedule).get(name)
    if value is None:
        return None
    task, schedule = dict_value(value, "task"), dict_value(value, "schedule")
    name_of_task = str(task.value) if isinstance(task, ast.Constant) else ""
    return Entry(name_of_task, _read_timing(schedule) if schedule else None)


def _read_timing(node: ast.expr) -> Timing | None:
    """Return the timing that the value of `schedule` stands for, or None."""
    if isinstance(node, ast.Call):
        values = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        fields = tuple(str(values.get(field.name, "*")) for field in FIELDS)
        return Timing(cron=fields) if getattr(node.func, "id", "") == "crontab" else None
    numbers = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    factors = [part.op for part in ast.walk(node) if isinstance(part, ast.BinOp)]
    if not all(isinstance(number, int) for number in numbers) or not all(isinstance(op, ast.Mult) for op in factors):
        return None
    seconds = 1
    for number in numbers:
        seconds *= int(number)  # type: ignore[arg-type]
    return Timing(seconds=seconds) if numbers else None


def _seconds(number: int) -> str:
    """Return a number of seconds as people write it: 45, 10 * 60, 6 * 3600."""
    for unit in (3600, 60):
        if number > unit and number % unit == 0:
            return f"{number // unit} * {unit}"
    return str(number)


def _parse_every(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip().lower())
    if not match or not int(match[1]):
        raise UsageError(f'Invalid value for --every: "{text}".', "Use a number with a unit: 30s, 10m, 6h or 1d.")
    return int(match[1]) * UNITS[match[2]]


def _parse_cron(text: str) -> tuple[str, ...]:
    fields = text.lower().split()
    hint = 'Use five fields: minute, hour, day of month, month, day of week. For example: "10 2 * * *"'
    if len(fields) != len(FIELDS):
        raise UsageError(f'Invalid value for --cron: "{text}".', hint)
    for field, value in zip(FIELDS, fields, strict=True):
        if not all(_is_valid(field, part) for part in value.split(",")):
            field_name = field.name.replace("_", " ")
            words = f", or {', '.join(field.words)}" if field.words else ""
            message = f'Invalid {field_name} in --cron: "{value}".'
            raise UsageError(message, f"Use *, */n, or numbers from {field.lowest} to {field.highest}{words}.")
    return tuple(fields)


def _is_valid(field: Field, part: str) -> bool:
    """Return whether a part of a field is *, a value or a range, each with or without a step."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if span == "*":
        return True
    bounds = [_number(field, word) for word in span.split("-")]
    numbers = [number for number in bounds if number is not None]
    if slash and len(bounds) == 1:
        return False
    return len(numbers) == len(bounds) <= 2 and all(field.lowest <= number <= field.highest for number in numbers)


def _number(field: Field, word: str) -> int | None:
    if word.isdecimal():
        return int(word)
    return field.words.index(word) + field.lowest if word in field.words else None


def _shortest_pause(cron: tuple[str, ...]) -> int:
    """Return the least number of minutes between two runs on a day on which there are any."""
    minutes, hours = (_values(field, value) for field, value in zip(FIELDS[:2], cron[:2], strict=True))
    runs = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    pauses = [later - earlier for earlier, later in pairwise(runs)]
    return min([*pauses, runs[0] + DAY - runs[-1]])


def _values(field: Field, value: str) -> set[int]:
    """Return the numbers that a field of a cron line stands for."""
    numbers: set[int] = set()
    for part in value.split(","):
        span, _, step = part.partition("/")
        low, high = field.lowest, field.highest
        if span != "*":
            bounds = [_number(field, word) or 0 for word in span.split("-")]
            low, high = bounds[0], bounds[-1]
            high = field.highest if high < low else high
        numbers |= set(range(low, high + 1, int(step or 1)))
    return numbers
