"""Test that at most one unfinished job has a given key, and an id is used once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from djcelery_jobs.models import Job
from tests.lib.durable_jobs import effects

pytestmark = pytest.mark.django_db


def test_one_unfinished_job_for_a_key(add, broker, committed):
    with committed():
        first = add.apply_async(["a"], key="k")
        second = add.apply_async(["b"], key="k")
    assert first.id == second.id
    broker.drain()
    with committed():
        third = add.apply_async(["c"], key="k")
    broker.drain()

    assert third.id != first.id
    assert effects() == ["a", "c"]


def test_a_key_is_for_one_job(add):
    with pytest.raises(TypeError, match="one by one"):
        add.apply_async_many([("a",), ("b",)], key="k")


def test_a_key_is_of_one_task(add, long, broker, committed):
    with committed():
        add.apply_async(["a"], key="k")

    with pytest.raises(ValueError, match="Name the task"):
        long.apply_async(["a"], key="k")


def test_a_job_that_expired_keeps_its_key_from_no_other(add, broker, committed):
    with committed():
        add.apply_async(["old"], key="k", expires=60)
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with committed():
        add.apply_async(["new"], key="k")
    broker.drain()

    assert effects() == ["new"]


def test_an_id_is_used_once(add, broker, committed):
    with committed():
        first = add.apply_async(["a"], key="k")
    broker.drain()

    with pytest.raises(IntegrityError):
        add.apply_async(["b"], key="k", task_id=first.id)
