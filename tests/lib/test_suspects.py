"""Test that jobs that were cut off several times run apart from the others, so that they are not condemned together."""

from datetime import timedelta

import pytest
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.models import Job, State

pytestmark = pytest.mark.django_db


def cut_off(times: int) -> Job:
    return Job.objects.create(task="some.task", queue="fast", publish_at=timezone.now(), starts=times)


def begin(job: Job, worker: str) -> Job | None:
    return ledger.begin(ledger.Delivery(job_id=job.pk, task=job.task, one_transaction=True, worker=worker))


def test_a_worker_runs_one_suspect_at_a_time():
    first, second = cut_off(jobs_settings.SUSPECT_STARTS), cut_off(jobs_settings.SUSPECT_STARTS)

    assert begin(first, "fast-1")
    assert begin(second, "fast-1") is None

    second.refresh_from_db()
    assert (second.state, second.starts, second.started_at) == (State.WAITING, jobs_settings.SUSPECT_STARTS, None)
    assert second.publish_at <= timezone.now() + timedelta(seconds=jobs_settings.JUST_BEGUN)


def test_another_worker_runs_it_meanwhile():
    first, second = cut_off(jobs_settings.SUSPECT_STARTS), cut_off(jobs_settings.SUSPECT_STARTS)

    assert begin(first, "fast-1")
    assert begin(second, "fast-2")


def test_a_suspect_that_has_ended_is_in_nobody_s_way():
    first, second = cut_off(jobs_settings.SUSPECT_STARTS), cut_off(jobs_settings.SUSPECT_STARTS)
    with ledger.complete_in_transaction(begin(first, "fast-1")):
        pass

    assert begin(second, "fast-1")


def test_what_was_cut_off_less_often_runs_beside_a_suspect():
    first, second = cut_off(jobs_settings.SUSPECT_STARTS), cut_off(jobs_settings.SUSPECT_STARTS - 1)

    assert begin(first, "fast-1")
    assert begin(second, "fast-1")
