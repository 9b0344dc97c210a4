"""Test how a worker looks for its broker."""

from types import SimpleNamespace

import kombu
import pytest
from celery import current_app
from celery.worker.consumer import Consumer

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker import broker_connection
from djcelery_jobs.worker.broker_connection import BrokerConnection


@pytest.fixture
def tries(monkeypatch):
    """Return the options of each search for the broker, which is not there at first."""
    tries = []

    def search(self, *args, **options):
        tries.append(options)
        if callback := options.get("callback"):
            callback()
        return self

    monkeypatch.setattr(kombu.Connection, "ensure_connection", search)
    return tries


def test_a_worker_looks_every_few_seconds_and_says_that_it_lives(tries, monkeypatch):
    done = []
    pulse = SimpleNamespace(mark_broker_unreachable=lambda: done.append("pulse"))
    monkeypatch.setattr(broker_connection, "pulse", pulse)
    monkeypatch.setattr("celery.worker.consumer.consumer.maybe_shutdown", lambda: done.append("celery's"))
    monkeypatch.setattr(current_app.amqp, "Connection", BrokerConnection, raising=False)
    consumer = Consumer.__new__(Consumer)
    consumer.app, consumer.first_connection_attempt = current_app._get_current_object(), False

    assert isinstance(consumer.connection_for_read(), BrokerConnection)

    assert tries[-1]["interval_max"] == jobs_settings.BROKER_RECONNECT_INTERVAL
    assert done == ["pulse", "celery's"]


def test_others_wait_as_long_as_they_say(tries):
    BrokerConnection("memory://").ensure_connection(max_retries=1, interval_start=0, timeout=2)

    assert tries == [{"max_retries": 1, "interval_start": 0, "timeout": 2}]


def test_only_a_worker_uses_it(monkeypatch):
    assert current_app.amqp.Connection is kombu.Connection

    monkeypatch.setattr(current_app.amqp, "Connection", None, raising=False)
    broker_connection.use_in_worker()
    assert current_app.amqp.Connection is BrokerConnection
