"""The schedule in the database, which people edit in the admin."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.clockedschedule import clocked
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.tzcrontab import TzAwareCrontab

from djcelery_jobs.beat.database_scheduler import LockedDatabaseScheduler
from djcelery_jobs.dashboard.schedule_words import describe_schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(conf) -> dict[str, PeriodicTask]:
    """One that is in order, one on 31 February, and one whose schedule was taken away."""
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
