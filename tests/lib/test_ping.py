"""Test that a ping tells whether a real server answers, without a look at its queues."""

import json
import time

import pytest
from kombu import Connection

from djcelery_jobs.brokers import memory, ping, queue_lengths, quick_connection
from djcelery_jobs.brokers.local_broker import local_broker
from djcelery_jobs.brokers.redis import waits_since
from djcelery_jobs.brokers.single_flight import SingleFlight
from djcelery_jobs.dashboard import health

# What a client says about itself when it connects.
GREETINGS = {"cmdstat_hello", "cmdstat_client|setinfo", "cmdstat_client|maint_notifications", "cmdstat_select"}


@pytest.fixture
def server(tmp_path, free_port, conf, monkeypatch):
    """Yield a Redis-compatible server that this process publishes to; its client."""
    monkeypatch.setattr(quick_connection, "SECONDS", 30)
    monkeypatch.setitem(health.PARTS, "broker", SingleFlight(ping.ping))
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path), Connection(url) as connection:
        conf(broker_read_url=url, broker_write_url=url)
        yield connection.channel().client


def test_only_a_ping_reaches_the_broker(server):
    server.config_resetstat()
    ping.ping()

    commands = server.info("commandstats").keys() - {"cmdstat_config|resetstat", "cmdstat_info"}
    assert commands - GREETINGS == {"cmdstat_ping"}


@pytest.mark.django_db
def test_a_message_of_another_program_leaves_the_web_process_ready(server, client):
    server.rpush("fast", "not json")

    assert client.get("/health/ready").status_code == 200
    assert queue_lengths.fetch()["fast"] == queue_lengths.QueueLength(1, None)


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        b"\xff\xfe",
        "5",
        "null",
        "[1, 2]",
        "[" * 20_000,
        "{}",
        '{"headers": null}',
        '{"headers": "waits_since"}',
        '{"headers": {"waits_since": "yesterday"}}',
        '{"headers": {"waits_since": NaN}}',
        '{"headers": {"waits_since": -1e308}}',
        '{"headers": {"waits_since": null}}',
        '{"headers": {"waits_since": {}}}',
    ],
    ids=lambda message: message[:20],
)
def test_the_age_of_a_message_that_does_not_say_it_is_unknown(server, message):
    with ping.quick_connection() as connection:
        channel = connection.channel()
        server.rpush("fast", message)
        assert waits_since(channel, "fast") is None


def test_the_age_is_found_behind_a_key_prefix(server, conf):
    conf(broker_transport_options={"global_keyprefix": "shop:"})
    since = time.time() - 30
    server.rpush("shop:fast", json.dumps({"headers": {"waits_since": since}}))
    server.rpush("fast", json.dumps({"headers": {"waits_since": 1.0}}))

    assert queue_lengths.fetch()["fast"] == queue_lengths.QueueLength(1, since)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_raises(conf, free_port, scheme):
    conf(broker_read_url=f"{scheme}://127.0.0.1:{free_port}//")
    with pytest.raises(Exception, match=r"(?i)refused"):
        ping.ping()


def test_how_much_of_its_memory_redis_uses(server):
    server.config_set("maxmemory", 2 * server.info("memory")["used_memory"])
    assert 0.4 < memory.used_share() < 0.6

    server.config_set("maxmemory", 0)  # then it is the machine's
    assert 0 < memory.used_share() < 0.4


def test_another_broker_says_nothing_of_its_memory(broker):
    assert memory.used_share() is None


@pytest.mark.django_db
def test_the_metrics_tell_it(server, admin_client):
    assert "\njobs_broker_memory_share " in admin_client.get("/metrics").content.decode()
