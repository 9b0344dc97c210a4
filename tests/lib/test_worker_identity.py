"""Test that two workers are told apart, also when they have one name."""

from types import SimpleNamespace

import pytest
from celery.signals import worker_init
from django.utils import timezone

from djcelery_jobs.core import ledger, worker_identity
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Heartbeat, Job
from djcelery_jobs.worker import reporter
from djcelery_jobs.worker.shutdown import ReleaseRuns


@pytest.fixture
def start(monkeypatch):
    """Be the process of a worker that starts now: start() twice are two workers on two machines with one name."""
    monkeypatch.setenv(worker_identity.VARIABLE, "")
    monkeypatch.setattr("djcelery_jobs.worker.shutdown.connections.close_all", lambda: None)
    monkeypatch.setattr("djcelery_jobs.worker.shutdown.LOCK_RELEASE", 0)
    return lambda: worker_identity.begin_run() or worker_identity.worker_identity("slow-1@host")


def shut_down() -> None:
    pool = SimpleNamespace(terminate=lambda: None)
    ReleaseRuns.terminate(None, SimpleNamespace(hostname="slow-1@host", pool=pool))


def begun_by(worker: str) -> Job:
    job = Job.objects.create(task="some.task", queue="slow", publish_at=timezone.now())
    delivery = ledger.Delivery(job_id=job.pk, task=job.task, one_transaction=False, worker=worker, queue="slow")
    ledger.begin(delivery)
    return job


def test_a_worker_that_shuts_down_releases_its_own_runs_only(start, db):
    others, mine = begun_by(start()), begun_by(start())

    shut_down()

    others.refresh_from_db()
    mine.refresh_from_db()
    assert (others.starts, mine.starts) == (1, 0)


def test_each_has_a_heartbeat(start, db, monkeypatch):
    worker = SimpleNamespace(hostname="slow-1@host", concurrency=1)
    for _ in range(2):
        start()
        reporter._write_heartbeat(worker, timezone.now())

    names = [row.worker for row in Heartbeat.objects.all()]
    assert len(set(names)) == 2
    assert all(name.startswith("slow-1@host#") for name in names)


def test_a_run_names_its_worker(start, broker, task, monkeypatch):
    def work() -> None:
        """Have no effect."""

    monkeypatch.setattr("celery.worker.request.gethostname", lambda: "slow-1@host")
    identity = start()
    task(work, base=DurableTask).delay()
    broker.drain()

    assert Job.objects.get().worker == identity


def test_the_longest_name_fits(start):
    start()

    assert len(worker_identity.worker_identity("x" * 300)) == 100


def test_outside_of_a_worker_there_is_none(start):
    assert worker_identity.worker_identity("") == ""
    assert worker_identity.worker_identity("slow-1@host") == "slow-1@host"


def test_a_worker_gets_it_when_it_starts():
    assert any(key[0] == "djcelery_jobs.core.worker_identity" for key, _ in worker_init.receivers)
