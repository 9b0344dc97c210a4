"""Put a schedule into words: "every 30 s", "daily at 02:10 (UTC)"."""

import calendar
from collections.abc import Collection
from typing import Any

from celery.schedules import crontab, solar
from celery.schedules import schedule as interval
from django.utils import timezone

from djcelery_jobs.dashboard.wording import span

ALL_MINUTES, ALL_HOURS, ALL_WEEKDAYS = set(range(60)), set(range(24)), set(range(7))
ALL_DAYS, ALL_MONTHS = set(range(1, 32)), set(range(1, 13))


def describe_schedule(schedule: Any) -> str:
    """Return the words for a schedule of Celery's or django-celery-beat's."""
    if isinstance(schedule, crontab):
        return _crontab(schedule)
    if isinstance(schedule, solar):
        return f"at {schedule.event.replace('_', ' ')}, latitude {schedule.lat}, longitude {schedule.lon}"
    if isinstance(schedule, interval):
        return f"every {span(schedule.run_every.total_seconds())}"
    if moment := getattr(schedule, "clocked_time", None):
        return f"once, {timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
    return " ".join(str(schedule).strip("<>").split())


def _crontab(schedule: crontab) -> str:
    every_day = schedule.day_of_month == ALL_DAYS and schedule.month_of_year == ALL_MONTHS
    if schedule.hour == ALL_HOURS and every_day and schedule.day_of_week == ALL_WEEKDAYS:
        if schedule.minute == ALL_MINUTES:
            return "every minute"
        if len(schedule.minute) == 1:
            return f"hourly at minute {min(schedule.minute)}"
        if step := _step(schedule.minute, 60):
            return f"every {step} min"
    zone = f"({schedule.tz})"
    if len(schedule.hour) == len(schedule.minute) == 1 and every_day:
        days = "daily" if schedule.day_of_week == ALL_WEEKDAYS else _weekdays(schedule.day_of_week)
        return f"{days} at {min(schedule.hour):02}:{min(schedule.minute):02} {zone}"
    return f"cron {_cron_fields(schedule)} {zone}"


def _step(values: Collection[int], end: int) -> int | None:
    """Return n for the values of `*/n`, else None."""
    step = end // len(values)
    return step if set(values) == set(range(0, end, step)) else None


def _weekdays(days: Collection[int]) -> str:
    """Return their names. Cron counts from Sunday, Python from Monday."""
    return ", ".join(calendar.day_abbr[(day - 1) % 7] for day in sorted(days))


def _cron_fields(schedule: crontab) -> str:
    """Return minute, hour, day of month, month and day of week, as in a crontab."""
    fields = [
        (schedule.minute, ALL_MINUTES),
        (schedule.hour, ALL_HOURS),
        (schedule.day_of_month, ALL_DAYS),
        (schedule.month_of_year, ALL_MONTHS),
        (schedule.day_of_week, ALL_WEEKDAYS),
    ]
    return " ".join("*" if values == every else ",".join(map(str, sorted(values))) for values, every in fields)
