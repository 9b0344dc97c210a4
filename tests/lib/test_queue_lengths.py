"""Test what the broker says about its queues."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from kombu.transport import virtual

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.tasks import prune

pytestmark = pytest.mark.django_db


def test_the_broker_is_asked_how_much_waits_in_each_queue(broker):
    prune.delay()
    prune.delay()

    found = queue_lengths.fetch()

    assert set(found) == set(settings.WORKLOADS)
    assert {name: waiting.messages for name, waiting in found.items()} == {**dict.fromkeys(found, 0), "slow": 2}


def test_a_queue_that_is_not_there_yet_is_empty(broker, settings):
    settings.WORKLOADS = {**settings.WORKLOADS, "new": settings.WORKLOADS["fast"]}

    assert queue_lengths.fetch()["new"] == queue_lengths.QueueLength(0, None)


def test_an_absent_queue_takes_no_channel_of_its_own(broker, settings, monkeypatch):
    made = []
    create = virtual.Transport.create_channel
    monkeypatch.setattr(virtual.Transport, "create_channel", lambda *args: made.append(args) or create(*args))
    queue_lengths.fetch()
    before = len(made)
    settings.WORKLOADS = {**settings.WORKLOADS, "new": settings.WORKLOADS["fast"], "newer": settings.WORKLOADS["fast"]}
    queue_lengths.fetch()

    assert len(made) == 2 * before


def test_a_message_says_since_when_it_waits(broker):
    before = time.time()
    prune.delay()

    [ran] = broker.drain()
    assert before <= ran.headers[queue_lengths.WAITS_SINCE] <= time.time()


def test_one_with_a_countdown_waits_from_its_end_on():
    headers = {"eta": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    queue_lengths.stamp_waiting_since(headers)

    assert headers[queue_lengths.WAITS_SINCE] - time.time() > 3500


@pytest.mark.parametrize(
    ("routing_key", "queue"), [("fast", "fast"), ("0.0.1.fast", "fast"), ("breakfast", "slow"), (None, "slow")]
)
def test_the_queue_of_a_message(routing_key, queue):
    assert queue_lengths.queue_of({"routing_key": routing_key}, "djcelery_jobs.tasks.prune") == queue
