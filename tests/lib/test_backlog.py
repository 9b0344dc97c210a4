"""Test that the relay sends no copy of what still waits in the queue, and misses nothing that the broker has lost."""

import time
from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.core.backlog import EarlyLook
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Heartbeat, Job, State
from tests.lib.durable_jobs import later

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispatch(add, broker, committed):
    def dispatch(count: int) -> None:
        with committed():
            add.apply_async_many([(f"job {number}",) for number in range(count)])
        Job.objects.filter(attempts=0).update(publish_at=timezone.now() + timedelta(seconds=20))

    return dispatch


def look(times: int = 1) -> None:
    """Let the relay look at every job, so many times, when they are next due."""
    for _ in range(times):
        later((Job.objects.latest("publish_at").publish_at - timezone.now()).total_seconds() + 1)
        relay()


def lose(count: int) -> None:
    """Take messages off the queue's head, and forget them."""
    with current_app.connection_for_read() as connection:
        queue = current_app.amqp.queues["fast"](connection.default_channel)
        for _ in range(count):
            queue.get(no_ack=True)


def test_a_long_queue_is_not_multiplied(dispatch, broker):
    dispatch(100)

    look(times=6)

    assert broker.waiting()["fast"] == 100
    assert not Job.objects.filter(publish_at__lte=timezone.now()).exists()


def test_what_the_broker_lost_is_published_at_the_first_look(dispatch, broker):
    dispatch(100)
    broker.clear()

    look()

    assert broker.waiting()["fast"] == 100


def test_of_a_queue_that_lost_some_the_oldest_are_published(dispatch, broker):
    dispatch(10)
    oldest = list(Job.objects.order_by("waiting_since").values_list("pk", flat=True)[:3])
    for age, pk in enumerate(reversed(oldest), start=1):
        Job.objects.filter(pk=pk).update(waiting_since=timezone.now() - timedelta(minutes=age))
    lose(3)

    look()

    assert broker.waiting()["fast"] == 10
    drained = [ran.headers["id"] for ran in (broker.run_one() for _ in range(10))]
    assert set(map(str, oldest)) <= set(drained)
    assert len(set(drained)) == 10


def test_a_wiped_queue_that_others_fill_meanwhile_hides_nothing(dispatch, broker, task):
    def plain() -> None:
        """Do nothing."""

    dispatch(3)
    broker.clear()
    fast = task(plain)
    for _ in range(5):
        fast.delay()
    look()
    assert broker.waiting()["fast"] == 5  # as many as wait may be ours

    # Since that look a worker has taken a message which came later. So what was there then has left the queue.
    now = timezone.now()
    beat = {"queues": ["fast"], "fetched": {"fast": time.time()}, "started_at": now, "seen_at": now}
    Heartbeat.objects.create(worker="fast-1", **beat)
    look()

    assert broker.waiting()["fast"] == 5 + 3


def test_what_is_known_to_be_missing_is_published_however_long_the_queue_is(dispatch, broker):
    dispatch(10)
    released, asked_for, delayed, cut_off = Job.objects.all()[:4]
    Job.objects.filter(pk=released.pk).update(starts=1, started_at=timezone.now(), worker="fast-1")
    ledger.release([released.pk], worker="fast-1")
    ledger.publish_now([asked_for.pk])
    now = timezone.now()
    Job.objects.filter(pk=delayed.pk).update(state=State.DELAYED, publish_at=now)
    Job.objects.filter(pk=cut_off.pk).update(starts=1, started_at=now - timedelta(hours=1), publish_at=now)

    relay()

    assert broker.waiting()["fast"] == 10 + 4


def test_a_broker_that_does_not_tell_gets_every_due_job(dispatch, broker, monkeypatch):
    def fails(queues):
        raise TimeoutError

    dispatch(3)
    monkeypatch.setattr(queue_lengths, "fetch", fails)

    look()

    assert broker.waiting()["fast"] == 3 + 3


def test_nobody_waits_for_a_rare_look_when_the_broker_loses_a_long_queue(dispatch, broker):
    dispatch(30)
    look(times=5)
    broker.clear()
    assert relay() == 0  # the next look is far away

    assert EarlyLook()() == 0  # it looked at them a moment ago
    later(jobs_settings.REPUBLISH_AFTER + 1)
    assert EarlyLook()() == 30
    relay()

    assert broker.waiting()["fast"] == 30


def test_an_early_look_is_for_as_many_as_the_queue_lacks(dispatch, broker):
    dispatch(30)
    look(times=5)
    lose(3)
    later(jobs_settings.REPUBLISH_AFTER + 1)

    for _ in range(3):  # what is in the queue again is not looked at early again
        EarlyLook()()
        relay()
        later(jobs_settings.REPUBLISH_AFTER + 1)

    assert broker.waiting()["fast"] == 30


def test_a_queue_that_lacks_nothing_gets_no_early_look(dispatch, broker):
    dispatch(30)
    look(times=5)
    later(jobs_settings.REPUBLISH_AFTER + 1)

    assert EarlyLook()() == 0
    assert broker.waiting()["fast"] == 30


def test_an_early_look_asks_the_broker_now_and_then(dispatch, broker, monkeypatch):
    asked = []
    monkeypatch.setattr(queue_lengths, "fetch", lambda queues: asked.append(queues) or {"fast": length(30)})
    look_early = EarlyLook()
    look_early()
    assert asked == []  # no job waits for a rare look
    dispatch(30)
    look(times=5)
    asked.clear()

    look_early()
    assert asked == []
    look_early.next_at = 0
    look_early()
    look_early()
    assert asked == [["fast"]]


def length(messages: int) -> queue_lengths.QueueLength:
    return queue_lengths.QueueLength(messages, None)


def test_an_idle_relay_takes_one_statement(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert relay() == 0
