"""Test what becomes of the jobs that a worker was running when it shut down."""

from types import SimpleNamespace

import pytest
from celery import current_app
from django.db import DatabaseError
from django.utils import timezone

from djcelery_jobs.core import ledger
from djcelery_jobs.models import Job, State
from djcelery_jobs.worker.shutdown import ReleaseRuns

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    monkeypatch.setattr("djcelery_jobs.worker.shutdown.connections.close_all", lambda: None)
    monkeypatch.setattr("djcelery_jobs.worker.shutdown.LOCK_RELEASE", 0)


def running(worker: str) -> Job:
    job = Job.objects.create(task="some.task", queue="fast", publish_at=timezone.now())
    return ledger.begin(ledger.Delivery(job_id=job.pk, task=job.task, one_transaction=True, worker=worker))


def shut_down(worker: str) -> None:
    ended = []
    ReleaseRuns.terminate(
        None, SimpleNamespace(hostname=worker, pool=SimpleNamespace(terminate=lambda: ended.append(1)))
    )
    assert ended


def test_its_runs_do_not_count_and_are_published_at_once():
    mine, other = running("fast-1"), running("fast-2")

    shut_down("fast-1")

    mine.refresh_from_db()
    assert (mine.state, mine.starts, mine.started_at) == (State.WAITING, 0, None)
    assert mine.publish_at <= timezone.now()
    other.refresh_from_db()
    assert other.starts == 1


def test_a_run_whose_start_the_database_wrote_after_its_process_was_gone_is_given_back_too(monkeypatch):
    late = []
    monkeypatch.setattr("djcelery_jobs.worker.shutdown.time.sleep", lambda seconds: late.append(running("fast-1")))

    shut_down("fast-1")

    [job] = late
    job.refresh_from_db()
    assert (job.starts, job.started_at) == (0, None)


def test_what_it_has_done_stays_done():
    with ledger.complete_in_transaction(running("fast-1")):
        pass

    shut_down("fast-1")

    assert Job.objects.get().state == State.DONE


def test_without_a_database_it_leaves_all_the_same(monkeypatch):
    def unreachable(worker: str) -> int:
        raise DatabaseError

    monkeypatch.setattr(ledger, "release_all", unreachable)
    shut_down("fast-1")


def test_workers_do_it():
    assert ReleaseRuns in current_app.steps["worker"]
