"""Test what the children of a worker share."""

import gc

import pytest
from celery.signals import worker_init

from djcelery_jobs.worker import gc_freeze


@pytest.fixture
def thawed():
    gc.unfreeze()
    gc.collect()  # the garbage of earlier tests is not what was loaded
    yield
    gc.unfreeze()


def test_what_is_loaded_when_a_worker_starts_is_frozen(thawed):
    assert any(key[0] == "djcelery_jobs.worker.gc_freeze" for key, _ in worker_init.receivers)

    loaded = len(gc.get_objects())
    gc_freeze.freeze()

    assert gc.get_freeze_count() > loaded / 2
    assert len(gc.get_objects()) < loaded / 2
