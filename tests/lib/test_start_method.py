"""Test that a worker whose processes would not count is refused."""

from types import SimpleNamespace

import pytest
from celery import current_app
from django.core.exceptions import ImproperlyConfigured

from djcelery_jobs.worker.start_method import ForkedProcesses


def test_spawned_processes_are_refused_with_a_hint():
    with pytest.raises(ImproperlyConfigured, match=r"got 'spawn'\. Set CELERY_WORKER_POOL_START_METHOD to 'fork'"):
        ForkedProcesses(SimpleNamespace(pool_start_method="spawn"))


@pytest.mark.parametrize("worker", [SimpleNamespace(pool_start_method="fork"), SimpleNamespace()])
def test_forked_processes_are_not(worker):
    assert ForkedProcesses(worker)


def test_workers_do_it():
    assert ForkedProcesses in current_app.steps["worker"]
