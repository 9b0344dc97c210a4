"""The schedule in the database: taken over from the settings once, then people's own."""

from datetime import timedelta

import pytest
from celery import current_app
from celery.schedules import schedule
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from djcelery_jobs.models import Lease
from djcelery_jobs.beat.database_scheduler import FROM_SETTINGS, LockedDatabaseScheduler

pytestmark = pytest.mark.django_db


def migrate():
    call_command("migrate", verbosity=0)


@pytest.fixture
def app(monkeypatch):
    # The connection of a test is inside the transaction that is rolled back after it.
    for module in ("djcelery_jobs.beat.scheduler", "django_celery_beat.schedulers"):
        monkeypatch.setattr(f"{module}.close_old_connections", lambda: None)
    return current_app._get_current_object()


def test_migrate_takes_every_entry_over():
    assert set(PeriodicTask.objects.values_list("name", flat=True)) >= set(current_app.conf.beat_schedule)
    entry = PeriodicTask.objects.get(name="prune-jobs")
    assert (entry.task, entry.expire_seconds) == ("djcelery_jobs.tasks.prune", 3600)
    assert (entry.crontab.hour, entry.crontab.minute) == ("*", "40")


def test_what_is_planned_can_be_known_without_running_a_beat(app):
    PeriodicTask.objects.filter(name="daily-sales").update(enabled=False)
    planned = {name: (task, last) for name, task, _, last in LockedDatabaseScheduler.planned(app, limit=100)}

    assert planned["prune-jobs"] == ("djcelery_jobs.tasks.prune", None)
    assert "daily-sales" not in planned


def test_an_edit_in_the_admin_survives_the_next_migrate(admin_client):
    entry = PeriodicTask.objects.get(name="prune-jobs")
    form = admin_client.get(f"/admin/django_celery_beat/periodictask/{entry.pk}/change/").context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None}
    answer = admin_client.post(
        f"/admin/django_celery_beat/periodictask/{entry.pk}/change/",
        {**data, "regtask": entry.task, "enabled": "", "expire_seconds": 60, "queue": "", "args": "[]", "kwargs": "{}"},
    )
    assert answer.status_code == 302

    migrate()

    entry.refresh_from_db()
    assert (entry.expire_seconds, entry.enabled) == (60, False)


def test_an_entry_that_left_the_settings_is_switched_off():
    PeriodicTask.objects.filter(name="prune-jobs").update(name="old-name")
    old = PeriodicTask.objects.get(name="old-name")
    PeriodicTask.objects.create(name="my-own", task=old.task, crontab=old.crontab, description="made in the admin")

    migrate()

    assert not PeriodicTask.objects.get(name="old-name").enabled
    assert PeriodicTask.objects.get(name="my-own").enabled
    assert PeriodicTask.objects.get(name="prune-jobs").description == FROM_SETTINGS


def test_beat_leaves_edits_alone_when_it_starts(app):
    PeriodicTask.objects.filter(name="prune-jobs").update(expire_seconds=60)

    LockedDatabaseScheduler(app).tick()

    assert PeriodicTask.objects.get(name="prune-jobs").expire_seconds == 60


def test_of_two_beats_one_sends_and_the_other_takes_over(app, broker):
    entry = PeriodicTask.objects.get(name="prune-jobs")
    every = schedule(timedelta(seconds=1))
    current_app.conf.beat_schedule["each-second"] = {"task": entry.task, "schedule": every, "options": {"expires": 9}}
    try:
        migrate()
    finally:
        del current_app.conf.beat_schedule["each-second"]
    # No other entry may fall due while this test runs, whatever the time of day is.
    PeriodicTask.objects.exclude(name="each-second").update(enabled=False)
    PeriodicTask.objects.filter(name="each-second").update(last_run_at="2020-01-01T00:00:00Z")
    beats = [LockedDatabaseScheduler(app), LockedDatabaseScheduler(app)]

    for beat in beats:
        for _ in range(3):
            beat.tick()
    assert broker.waiting()["slow"] == 1
    assert [beat.held for beat in beats] == [True, False]

    Lease.objects.all().delete()
    for _ in range(3):
        beats[1].tick()
    assert beats[1].held
    assert PeriodicTask.objects.get(name="each-second").total_run_count >= 1
