import json

import pytest
from kombu import Connection

from jobs.local_broker import local_broker
from jobs.redis import cache_url, waits_since


@pytest.mark.parametrize(
    ("broker", "cache"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/1"),
        ("redis://localhost:6379", "redis://localhost:6379/1"),
        ("rediss://user:p%40ss@host:7000/5?timeout=1", "rediss://user:p%40ss@host:7000/6?timeout=1"),
    ],
)
def test_the_cache_goes_into_the_database_after_the_brokers(broker, cache):
    assert cache_url(broker) == cache


def test_the_oldest_message_is_looked_at_where_it_is(tmp_path, free_port):
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path), Connection(url) as connection:
        channel = connection.default_channel
        assert waits_since(channel, "fast") is None

        queue = connection.SimpleQueue("fast")
        for since, priority in ((30.0, 0), (20.0, 9), (40.0, 0)):  # each priority has a list of its own
            queue.put("", headers={"waits_since": since}, priority=priority)
        queue.put("", headers={}, priority=5)  # from somebody who does not say it

        assert waits_since(channel, "fast") == 20.0
        assert (queue.qsize(), json.loads(channel.client.lindex("fast", -1))["headers"]) == (4, {"waits_since": 30.0})
