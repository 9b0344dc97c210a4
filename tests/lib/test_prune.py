from datetime import timedelta

import pytest
from django.utils import timezone

from djcelery_jobs import tasks
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.models import Effect, Heartbeat, Job, MinuteTally, Redelivery, State, Tally


def make_jobs(state, count, days_ago):
    then = timezone.now() - timedelta(days=days_ago)
    jobs = (Job(task="x", queue="fast", state=state, publish_at=then, finished_at=then) for _ in range(count))
    Job.objects.bulk_create(jobs)


@pytest.fixture
def old(db):
    then = timezone.now() - timedelta(days=jobs_settings.EFFECTS_KEPT_DAYS + 1)
    Effect.objects.bulk_create(Effect(key=f"old {n}") for n in range(7))
    Redelivery.objects.bulk_create(Redelivery(task_id=f"old {n}", task="x") for n in range(3))
    Effect.objects.update(created_at=then)
    Redelivery.objects.update(last_at=then)
    make_jobs(State.DONE, 5, jobs_settings.KEPT_DAYS + 1)
    make_jobs(State.DISCARDED, 1, jobs_settings.KEPT_DAYS + 1)


def test_deletes_what_is_old_in_batches_and_nothing_else(old, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 3)
    Effect.objects.create(key="new")
    make_jobs(State.DONE, 1, jobs_settings.KEPT_DAYS - 1)
    make_jobs(State.DEAD, 1, 1000)
    make_jobs(State.WAITING, 1, 1000)

    assert tasks.prune() == 16
    assert tasks.prune() == 0

    assert [claim.key for claim in Effect.objects.all()] == ["new"]
    assert sorted(Job.objects.values_list("state", flat=True)) == [State.DEAD, State.DONE, State.WAITING]


def test_observations_are_kept_for_some_hours_and_totals_for_ever(db):
    now = timezone.now()
    for age in (
        timedelta(hours=jobs_settings.OBSERVATIONS_KEPT_HOURS + 1),
        timedelta(hours=jobs_settings.OBSERVATIONS_KEPT_HOURS - 1),
    ):
        MinuteTally.objects.create(minute=now - age, queue="fast")
        Heartbeat.objects.create(worker=f"worker-{age}", started_at=now - age, seen_at=now - age)
    Tally.objects.create(queue="fast", task="x", outcome="done")

    assert tasks.prune() == 2
    assert (MinuteTally.objects.count(), Heartbeat.objects.count(), Tally.objects.count()) == (1, 1, 1)
