import json
import ssl
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
import redis.connection
from kombu import Connection, Consumer, Producer, Queue
from kombu.asynchronous import Hub
from kombu.simple import SimpleQueue
from kombu.transport import TRANSPORT_ALIASES
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from djcelery_jobs.brokers import redis_transport
from djcelery_jobs.brokers.local_broker import local_broker
from djcelery_jobs.brokers.redis import sentinel_options, tls_options, waits_since
from djcelery_jobs.brokers.redis_transport import PlainPipeline

ROOT = Path(__file__).parents[2]
SENTINELS = "sentinel://:secret@one:26379/3;sentinel://:secret@two:26379/3"


def test_the_sentinels_are_asked_for_the_service_as_patiently_as_the_server():
    options = sentinel_options(SENTINELS, service="jobs", password="", sockets={"socket_timeout": 2})

    assert options == {"master_name": "jobs", "sentinel_kwargs": {"socket_timeout": 2}}


def test_the_sentinels_have_a_password_of_their_own():
    options = sentinel_options(SENTINELS, service="jobs", password="other", sockets={})

    assert options["sentinel_kwargs"] == {"password": "other"}


def test_the_url_of_a_server_needs_no_sentinel():
    assert sentinel_options("redis://one:6379/0", service="jobs", password="x", sockets={}) == {}


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


@pytest.mark.parametrize("url", ["redis://one:6379/0", "rediss://one:6379/0", SENTINELS])
def test_every_kind_of_url_leads_to_our_transport(url):
    transport = Connection(url).get_transport_cls()

    assert transport.__module__ == transport.Channel.__module__ == "djcelery_jobs.brokers.redis_transport"


def test_a_channel_has_one_client_until_its_connections_are_closed(tmp_path, free_port):
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path), Connection(url) as connection:
        channel = connection.default_channel
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is second
        assert channel.client is not first  # it waits for messages, on a connection of its own

        channel._disconnect_pools()
        with channel.conn_or_acquire() as third:
            assert third is not first
            assert third.ping()


def test_behind_tls_the_certificate_is_looked_at():
    assert tls_options("rediss://one:6379/0")["ssl_cert_reqs"] is ssl.CERT_REQUIRED
    assert tls_options("redis://one:6379/0") is None
    assert tls_options("rediss://one:6379/0?ssl_cert_reqs=none") is None  # somebody has decided otherwise


def test_channels_that_wait_for_an_answer_close_though_their_server_is_gone(tmp_path, free_port):
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path):
        connection = Connection(url)
        queue, other = connection.SimpleQueue("fast"), SimpleQueue(connection.channel(), "slow")
        queue.put("")
        queue.get(timeout=5)  # without an ack
        other.consumer.consume()
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.1)

    # As a worker does.
    connection.collect(socket_timeout=1)
    connection.close()

    assert queue.channel.closed


def test_importing_settings_changes_no_transport_of_other_programs():
    # It is done when Django is set up: a script that only reads the settings keeps kombu's own.
    code = (
        "from kombu.transport import TRANSPORT_ALIASES as aliases; before = dict(aliases); "
        "import tests.lib.project.settings, djcelery_jobs; "
        "[getattr(djcelery_jobs, name) for name in ('queues', 'tls_options', 'sentinel_options')]; "
        "assert aliases == before, 'changed by an import'; print('unchanged')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout == "unchanged\n", done.stderr
    assert TRANSPORT_ALIASES["redis"].startswith("djcelery_jobs.")


def test_a_queue_behind_a_prefix_is_found_and_counted(tmp_path, free_port):
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path), Connection(url, transport_options={"global_keyprefix": "shop:"}) as connection:
        connection.SimpleQueue("fast").put("")
        channel = connection.channel()

        assert channel.queue_declare("fast", passive=True).message_count == 1
        with pytest.raises(connection.channel_errors):
            channel.queue_declare("slow", passive=True)


@pytest.fixture
def channel(tmp_path, free_port):
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path), Connection(url, transport_options={"global_keyprefix": "shop:"}) as connection:
        channel = connection.default_channel
        channel.onlooker = redis.Redis.from_url(url)  # for after it is closed
        yield channel


def stored(channel) -> tuple[list[bytes], list[bytes]]:
    """Return the tags of the messages that are recorded as taken, from each of the two places."""
    client = channel.onlooker
    return client.zrange("shop:unacked_index", 0, -1), list(client.hgetall("shop:unacked"))


def take(channel, **options):
    """Publish a message and take it, as a worker does."""
    queue = SimpleQueue(channel, "fast")
    queue.put("", **options)
    return queue.get(timeout=10)


def take_durable(channel, task):
    """Do the same with the message of a durable job, as the outbox publishes it."""
    return take(channel, headers={"task": task.name}, message_id="1")


def waiting(channel) -> list[dict]:
    """Return the messages in the queue."""
    return [json.loads(message) for message in channel.onlooker.lrange("shop:fast", 0, -1)]


def test_the_message_of_a_durable_job_is_not_recorded(channel, add):
    message = take_durable(channel, add)
    assert stored(channel) == ([], [])
    assert channel.qos.unrecorded == {message.delivery_tag}

    message.ack()
    assert channel.qos.unrecorded == set()
    channel.close()
    assert (waiting(channel), stored(channel)) == ([], ([], []))


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"task": "{add}"}},  # Celery sent it, and there may be no row
        {"headers": {"task": "djcelery_jobs.tasks.prune"}, "message_id": "1"},
        {"headers": {"task": "unknown"}, "message_id": "1"},
        {"headers": {"task": ["{add}"]}, "message_id": "1"},
        {"message_id": "1"},
    ],
)
def test_any_other_message_is_recorded(channel, options, add):
    tag = take(channel, **json.loads(json.dumps(options).replace("{add}", add.name))).delivery_tag.encode()

    assert stored(channel) == ([tag], [tag])


def test_a_durable_message_that_a_process_could_not_end_returns_at_once(channel, add):
    take_durable(channel, add).requeue()
    assert channel.qos.unrecorded == set()

    [returned] = waiting(channel)
    assert returned["headers"]["task"] == add.name
    assert returned["properties"]["delivery_info"]["redelivered"] is True
    assert stored(channel) == ([], [])


def test_a_message_that_could_not_be_returned_can_be_later(channel, add):
    message = take_durable(channel, add)
    channel.onlooker.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        message.requeue()
    channel.onlooker.config_set("maxmemory", 0)

    channel.close()
    assert len(waiting(channel)) == 1


def test_a_durable_message_that_is_rejected_is_gone(channel, add):
    take_durable(channel, add).reject()
    assert channel.qos.unrecorded == set()
    channel.close()

    assert (waiting(channel), stored(channel)) == ([], ([], []))


def test_a_channel_that_closes_returns_what_it_has_not_acknowledged(channel, add):
    take_durable(channel, add).ack()
    take_durable(channel, add)
    take(channel)
    channel.close()

    assert len(waiting(channel)) == 2
    assert stored(channel) == ([], [])


def test_what_a_full_server_did_not_record_returns_too(channel):
    with channel.conn_or_acquire() as client:
        queue = SimpleQueue(channel, "fast")
        queue.put("")
        client.config_set("maxmemory", 1)
        queue.get(timeout=10)
        client.config_set("maxmemory", 0)
    assert stored(channel) == ([], [])

    channel.close()
    assert len(waiting(channel)) == 1


LATER = "a message returns to its queue only after the visibility timeout"
BY_ITS_ROW = "a durable job waits until the relay publishes it again"
NEVER = "a plain task that had not begun is lost"


@pytest.mark.parametrize(
    ("is_durable", "is_full", "said"),
    [(False, False, LATER), (True, False, BY_ITS_ROW), (True, True, BY_ITS_ROW), (False, True, NEVER)],
)
def test_a_full_server_says_what_becomes_of_what_cannot_return(
    channel, add, caplog, monkeypatch, is_durable, is_full, said
):
    monkeypatch.setattr(redis_transport, "full_server", redis_transport.FullServer())
    queue = SimpleQueue(channel, "fast")
    queue.put("", **({"headers": {"task": add.name}, "message_id": "1"} if is_durable else {}))
    channel.onlooker.config_set("maxmemory", int(is_full))
    queue.get(timeout=10)
    channel.onlooker.config_set("maxmemory", 1)
    caplog.clear()

    channel.qos.restore_unacked()
    channel.onlooker.config_set("maxmemory", 0)

    [warning] = [record.getMessage() for record in caplog.records]
    assert warning == f"Redis is out of memory: {said}. Raise its maxmemory or empty a queue."
    assert waiting(channel) == []


def test_a_full_server_repeats_a_warning_now_and_then_and_hides_no_other(caplog, monkeypatch):
    server, clock = redis_transport.FullServer(), [0.0]
    monkeypatch.setattr(redis_transport, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for clock[0], consequence in [(0.0, "first"), (1.0, "first"), (2.0, "second"), (40.0, "first")]:
        server.warn(consequence)

    assert [record.args for record in caplog.records] == [("first",), ("second",), ("first",)]


def test_the_event_loop_is_told_once_of_each_socket(channel, monkeypatch):
    loop, received = Hub(), []
    transport = channel.connection
    consumer = Consumer(channel, [Queue("fast")], callbacks=[lambda body, message: received.append(body)])
    consumer.consume()
    transport.register_with_event_loop(transport, loop)
    loop.run_once()
    [known] = [fd for fd in loop.readers if fd in transport.cycle._fd_to_chan]
    told = []
    monkeypatch.setattr(loop, "add", lambda *args, **options: told.append(args))
    loop.run_once()
    assert told == []
    monkeypatch.undo()

    loop.readers[known] = print, (known,)  # as a connection leaves behind that nobody took leave of
    loop.run_once()
    assert loop.readers[known] == (transport.on_readable, (known,))

    channel.client.connection.disconnect()
    assert known not in loop.readers
    Producer(channel, routing_key="fast").publish("after another connection")
    for _ in range(20):
        loop.run_once()
        if received:
            break
    assert received == ["after another connection"]
    loop.close()


def test_a_message_is_recorded_as_taken_until_it_is_acknowledged(channel):
    message = take(channel)
    tag = message.delivery_tag.encode()
    assert stored(channel) == ([tag], [tag])

    message.ack()
    assert stored(channel) == ([], [])


@pytest.mark.parametrize("step", ["send_packed_command", "read_response"])
def test_both_commands_arrive_though_the_connection_breaks_in_between(channel, monkeypatch, step):
    def break_once() -> None:
        def lose_connection(self, *args, **options):
            monkeypatch.undo()
            raise RedisConnectionError

        monkeypatch.setattr(redis.connection.AbstractConnection, step, lose_connection)

    message = take(channel)
    tags = sorted([message.delivery_tag.encode(), b"another"])
    break_once()
    channel.qos.append(message, "another")
    assert [*map(sorted, stored(channel))] == [tags, tags]

    break_once()
    channel.qos.ack("another")
    message.ack()
    assert stored(channel) == ([], [])


def test_the_records_go_over_one_connection_of_the_pool(channel):
    message = take(channel)
    kept = channel.qos.kept.connection
    assert kept is not None

    message.ack()
    assert channel.qos.kept.connection is kept
    channel._disconnect_pools()  # as after a lost connection
    take(channel).ack()
    assert channel.qos.kept.connection is not kept
    assert stored(channel) == ([], [])


def test_two_threads_that_record_at_the_same_time_do_not_read_the_answers_of_each_other(channel):
    message = take(channel)
    kept, pool = channel.qos.kept, channel.pool
    with kept.of(pool) as first, kept.of(pool) as second:
        assert first is kept.connection
        assert second is not first
        channel.qos.append(message, "another")

    assert pool.get_connection() is not first
    message.ack()
    channel.qos.ack("another")
    assert stored(channel) == ([], [])


def test_a_kept_connection_that_the_server_has_closed_loses_no_record(channel):
    message = take(channel)
    with channel.conn_or_acquire() as client:
        assert client.client_kill_filter(_type="normal", skipme=True) >= 1

    message.ack()
    assert stored(channel) == ([], [])


def test_a_server_that_is_full_leaves_no_answer_behind_that_the_next_command_reads(channel):
    with channel.conn_or_acquire() as client:
        record = partial(PlainPipeline, client, "", channel.qos.kept)
        client.config_set("maxmemory", 1)
        with pytest.raises(OutOfMemoryError):
            record().zadd("index", {"tag": 1.0}).hset("unacked", "tag", "x").execute()
        client.config_set("maxmemory", 0)

        assert client.ping() is True
        record().zadd("index", {"tag": 1.0}).hset("unacked", "tag", "x").execute()
        assert client.execute_command("PING") is True
