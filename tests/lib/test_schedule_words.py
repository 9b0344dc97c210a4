"""Test schedules in words of Celery. Those of django-celery-beat are in test_database_scheduler.py."""

from datetime import timedelta

import pytest
from celery.schedules import crontab, schedule, solar

from djcelery_jobs.dashboard.schedule_words import describe_schedule


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        (schedule(timedelta(seconds=30)), "every 30 s"),
        (schedule(timedelta(days=1, hours=2)), "every 1 d 2 h"),
        (crontab(), "every minute"),
        (crontab(minute="40"), "hourly at minute 40"),
        (crontab(minute="*/5"), "every 5 min"),
        (crontab(minute="1-31/5"), "cron 1,6,11,16,21,26,31 * * * * (UTC)"),
        (crontab(minute="10", hour="2"), "daily at 02:10 (UTC)"),
        (crontab(minute="0", hour="9", day_of_week="mon-fri"), "Mon, Tue, Wed, Thu, Fri at 09:00 (UTC)"),
        (crontab(minute="0", hour="9", day_of_week="sun"), "Sun at 09:00 (UTC)"),
        (crontab(minute="0", hour="3", day_of_month="1"), "cron 0 3 1 * * (UTC)"),
    ],
)
def test_words(planned, words):
    assert describe_schedule(planned) == words


def test_words_for_an_event_of_the_sun():
    sunset = solar.__new__(solar)  # its own way needs the package ephem
    sunset.event, sunset.lat, sunset.lon = "dusk_civil", -37.8, 144.9
    assert describe_schedule(sunset) == "at dusk civil, latitude -37.8, longitude 144.9"


def test_an_unknown_kind_speaks_for_itself():
    class Odd:
        def __str__(self) -> str:
            return "<odd: at\n whim>"

    assert describe_schedule(Odd()) == "odd: at whim"
