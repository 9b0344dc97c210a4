"""Test that the memory broker tells what eager mode hides."""

import pytest
from celery import current_app
from kombu.exceptions import OperationalError

from djcelery_jobs.tasks import prune


def test_runs_what_was_published_on_the_queue_of_its_route(broker, db):
    prune.delay()
    assert broker.waiting()["slow"] == 1

    [run] = broker.drain()

    assert (run.task, run.queue, run.result) == ("djcelery_jobs.tasks.prune", "slow", 0)
    assert sum(broker.waiting().values()) == 0


def test_a_queue_that_nobody_declared_is_an_error(broker):
    with pytest.raises(Exception, match="no-such-queue"):
        prune.apply_async(queue="no-such-queue")


def test_a_task_that_publishes_itself_for_ever_is_noticed(broker, monkeypatch):
    monkeypatch.setattr(type(broker), "run_one", lambda self: object())
    with pytest.raises(RuntimeError, match="more than 3 executions"):
        broker.drain(limit=3)


def test_leaves_eager_mode_as_it_was(db):
    assert current_app.conf.task_always_eager
    assert OperationalError


def test_each_test_begins_with_empty_queues(broker):
    assert broker.drain() == []
