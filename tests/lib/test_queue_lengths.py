"""Test what the broker says about its queues."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from kombu import Connection
from kombu.transport import virtual

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.brokers.quick_connection import quick_connection
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


@pytest.fixture
def opened(monkeypatch) -> list[Connection]:
    """Return the connections that are opened to ask for lengths."""
    opened = []

    @contextmanager
    def counted() -> Iterator[Connection]:
        with quick_connection() as connection:
            opened.append(connection)
            yield connection

    monkeypatch.setattr(queue_lengths, "quick_connection", counted)
    monkeypatch.setattr("djcelery_jobs.brokers.quick_connection.quick_connection", counted)
    return opened


def test_whoever_asks_often_opens_one_connection(broker, opened):
    reader = queue_lengths.LengthReader()
    prune.delay()
    for _ in range(3):
        assert reader.fetch(["slow", "fast"]) == queue_lengths.fetch(["slow", "fast"])
    assert len(opened) == 1 + 3  # one for the reader

    reader.close()
    assert not opened[0].connected
    assert reader.fetch(["slow"])["slow"].messages == 1
    assert len(opened) == 5
    reader.close()


def test_after_an_error_it_opens_another_one(broker, opened, monkeypatch):
    reader = queue_lengths.LengthReader()
    reader.fetch(["slow"])
    with monkeypatch.context() as patch:
        patch.setattr(virtual.Channel, "queue_declare", _lost)
        with pytest.raises(ConnectionResetError):
            reader.fetch(["slow"])
    assert not opened[0].connected

    assert reader.fetch(["slow"])["slow"].messages == 0
    assert len(opened) == 2
    reader.close()


def _lost(*args: object, **options: object) -> None:
    raise ConnectionResetError


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
