"""Test the schedule in the database, which people edit in the admin."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.clockedschedule import clocked
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_beat.tzcrontab import TzAwareCrontab

from djcelery_jobs.beat.database_scheduler import LockedDatabaseScheduler
from djcelery_jobs.dashboard.schedule_words import describe_schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(conf) -> dict[str, PeriodicTask]:
    """Make an entry that is in order, one on 31 February, and one whose schedule was taken away."""
    conf(beat_scheduler="djcelery_jobs.beat.database_scheduler:LockedDatabaseScheduler")
    PeriodicTask.objects.all().delete()
    hourly = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.HOURS)
    never = CrontabSchedule(minute="0", hour="3", day_of_month="31", month_of_year="2")
    never.full_clean()
    never.save()
    task = "djcelery_jobs.tasks.prune"
    PeriodicTask.objects.create(name="hourly", task=task, interval=hourly)
    PeriodicTask.objects.create(name="never", task=task, crontab=never)
    bare = PeriodicTask(name="bare", task=task)
    PeriodicTask.objects.bulk_create([bare])  # save() would refuse it; SQL does not
    return {entry.name: entry for entry in PeriodicTask.objects.all()}


def test_an_entry_that_can_never_run_is_shown_as_such(entries, broker, admin_client, capsys):
    page = admin_client.get("/admin/djcelery_jobs/overview/")
    with pytest.raises(SystemExit):
        call_command("jobs", "health")

    assert (page.status_code, admin_client.get("/metrics").status_code) == (200, 200)
    for shown in (page.content.decode().replace("&quot;", '"'), capsys.readouterr().out):
        assert 'The schedule entry "never" can never run' in shown
        assert 'The schedule entry "bare" can never run' in shown
        assert 'entry "hourly"' not in shown
    assert "every 1 h" in page.content.decode()


def test_when_an_entry_ran_last(entries):
    an_hour_ago = timezone.now() - timedelta(hours=1)
    PeriodicTask.objects.filter(name="hourly").update(last_run_at=an_hour_ago, total_run_count=1)
    PeriodicTask.objects.filter(name="never").update(last_run_at=timezone.now())  # as beat writes when it first sees it

    planned = {entry.name: entry for entry in LockedDatabaseScheduler.planned(current_app, limit=10)}

    assert (planned["hourly"].last_run, planned["never"].last_run) == (an_hour_ago, None)
    assert planned["bare"].schedule is None


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (TzAwareCrontab(minute="10", hour="2", tz=ZoneInfo("Europe/Berlin")), "daily at 02:10 (Europe/Berlin)"),
        (clocked(datetime(2030, 1, 2, 3, 4, tzinfo=UTC)), "once, 2030-01-02 03:04:00"),
    ],
)
def test_its_schedules_in_words(schedule, words):
    assert describe_schedule(schedule) == words


# What the admin's forms accept and no clock, calendar or arithmetic can follow.
ODD_SCHEDULES = {
    "31 February": lambda: CrontabSchedule(minute="0", hour="3", day_of_month="31", month_of_year="2"),
    "a billion days": lambda: IntervalSchedule(every=10**9, period=IntervalSchedule.DAYS),
    "two billion microseconds": lambda: IntervalSchedule(every=2 * 10**9, period=IntervalSchedule.MICROSECONDS),
    "the last second of time": lambda: ClockedSchedule(clocked_time=datetime.max.replace(tzinfo=UTC)),
    "the first second of time": lambda: ClockedSchedule(clocked_time=datetime(1, 1, 1, 1, tzinfo=UTC)),
    "sunrise at the pole": lambda: SolarSchedule(event="sunrise", latitude=90, longitude=0),
    "sunset at the other": lambda: SolarSchedule(event="sunset", latitude=-90, longitude=180),
    "2:30 of a night that has none": lambda: CrontabSchedule(
        minute="30", hour="2", day_of_month="29", month_of_year="3", timezone=ZoneInfo("Europe/Berlin")
    ),
}
ODD_OPTIONS: dict[str, dict[str, object]] = {
    "arguments that do not fit": {"args": '["surplus", {"deep": []}]'},
    "keyword arguments that do not fit": {"kwargs": '{"": null, "self": 1}'},
    "headers": {"headers": '{"id": 5, "task": [], "": ""}'},
    "a queue that is not there": {"queue": "nowhere"},
    "an exchange that is not there": {"exchange": "nowhere", "routing_key": "x"},
    "an expiry of two billion seconds": {"expire_seconds": 2**31 - 1},
    "an expiry in the past": {"expires": datetime(1971, 1, 1, tzinfo=UTC)},
    "a start at the end of time": {"start_time": datetime.max.replace(tzinfo=UTC)},
    "a last run at the beginning of time": {"last_run_at": datetime(1, 1, 1, tzinfo=UTC)},
    "a last run at the end of time": {"last_run_at": datetime.max.replace(tzinfo=UTC)},
    "a task that is not there": {"task": "nobody.knows"},
}


def enter(name: str, **fields: object) -> None:
    """Save an entry as the admin does."""
    if "schedule" in fields:
        schedule = fields.pop("schedule")
        schedule.full_clean()
        schedule.save()
        kind = type(schedule).__name__.removesuffix("Schedule").lower()
        fields |= {kind: schedule, "one_off": kind == "clocked"}
    else:
        every = IntervalSchedule(every=1, period=IntervalSchedule.SECONDS)
        every.save()
        fields |= {"interval": every}
    row = PeriodicTask(**{"name": name, "task": "djcelery_jobs.tasks.prune", **fields})
    row.full_clean()
    row.save()


@pytest.mark.django_db(transaction=True)  # beat closes its connection
@pytest.mark.parametrize("odd", [*ODD_SCHEDULES, *ODD_OPTIONS])
def test_nothing_that_a_person_can_enter_stops_beat_or_a_page(conf, broker, admin_client, capsys, odd):
    conf(beat_scheduler="djcelery_jobs.beat.database_scheduler:LockedDatabaseScheduler")
    PeriodicTask.objects.all().delete()
    enter(odd, **({"schedule": ODD_SCHEDULES[odd]()} if odd in ODD_SCHEDULES else ODD_OPTIONS[odd]))
    enter("good", last_run_at=timezone.now() - timedelta(minutes=1))

    beat = LockedDatabaseScheduler(current_app)
    for _ in range(4):
        beat.tick()
    beat.close()

    assert PeriodicTask.objects.get(name="good").total_run_count >= 1
    for page in ("/metrics", "/admin/djcelery_jobs/overview/"):
        assert admin_client.get(page).status_code == 200
    with suppress(SystemExit):  # it may say that this entry has a problem
        call_command("jobs", "health")
