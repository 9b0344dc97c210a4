"""Test a worker in a process of its own, with a real broker: what it receives, and how it loses its connection."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from kombu import Connection

from djcelery_jobs.brokers.local_broker import local_broker
from tests.lib.hostile import HOSTILE, ITEMS
from tests.lib.worker_place import CELERY, ROOT, Place, place_at
from tests.live.harness.processes import eventually
from tests.live.harness.servers import running_broker

pytestmark = pytest.mark.live

GOOD = "from tests.lib.live_worker.tasks import note; note.delay('good')"
DEAD = "import json; from djcelery_jobs.models import Job; print(json.dumps(Job.objects.filter(state='dead').count()))"

SEEN = """
import json
from django.db.models import Sum
from djcelery_jobs.models import Heartbeat, Tally
print(json.dumps([Heartbeat.objects.count(), Tally.objects.aggregate(jobs=Sum('count'))['jobs'] or 0]))
"""


@pytest.fixture
def on_redis(tmp_path, free_port) -> Iterator[Place]:
    url = f"redis://127.0.0.1:{free_port}/0"
    with local_broker(url, tmp_path / "valkey"), place_at(url, tmp_path) as place:
        yield place


@pytest.fixture
def on_rabbitmq(tmp_path) -> Iterator[Place]:
    with running_broker("rabbitmq") as broker, place_at(broker.variables["AMQP_URL"], tmp_path) as place:
        yield place


@pytest.fixture
def place(request) -> Place:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("place", ["on_redis", "on_rabbitmq"], indirect=True)
def test_after_every_hostile_message_the_same_worker_runs_a_good_one(place):
    worker = place.worker("-c", "2")
    children = 0
    with Connection(place.broker) as connection:
        queue_of_task = {"exchange": "", "routing_key": "fast"}
        producer = connection.Producer(serializer=None)
        for number, hostile in enumerate(HOSTILE):
            producer.publish(
                hostile.content(), content_type=hostile.content_type or "x", content_encoding=hostile.encoding,
                headers={**hostile.all_headers(f"hostile-{number}")}, **queue_of_task,
            )  # fmt: skip
            children += 1
    if urlsplit(place.broker).scheme == "redis":
        client = redis.Redis.from_url(place.broker)
        for item in ITEMS:
            client.lpush("fast", item)
            children += 1
    place.shell(GOOD)

    eventually("the good job ran", lambda: place.lines("good"), 120)
    assert worker.poll() is None
    assert place.lines("good") == [f"good {worker.pid}"]
    eventually("each is a dead letter", lambda: place.shell(DEAD) == children, 60)
    assert "Unrecoverable error" not in place.log()
    if urlsplit(place.broker).scheme == "redis":
        assert (client.llen("fast"), client.hlen("unacked")) == (0, 0)


def test_a_reset_connection_starts_no_running_job_again(on_redis):
    place, client = on_redis, redis.Redis.from_url(on_redis.broker)
    worker = place.worker("-c", "4")
    place.shell(
        "from tests.lib.live_worker.tasks import loose, plain\n"
        "for n in range(3): loose.delay(f'l{n}', 12)\n"
        "plain.delay('p', 12)"
    )
    eventually("all run", lambda: len(place.lines("begin")) == 4)

    for _ in range(4):
        client.client_kill_filter(_type="normal", skipme=True)
        eventually("it is connected again", lambda: len(client.client_list(_type="normal")) > 2, 30)
        time.sleep(1)
    eventually("all end", lambda: len(place.lines("end")) == 4)
    eventually("all are acknowledged", lambda: client.hlen("unacked") == 0, 20)
    time.sleep(3)

    assert worker.poll() is None
    assert sorted(place.lines("begin")) == ["begin l0", "begin l1", "begin l2", "begin p"]
    states = "import json; from djcelery_jobs.models import Job; "
    states += "print(json.dumps(sorted(Job.objects.values_list('state', 'starts'))))"
    assert place.shell(states) == [["done", 1]] * 3


def test_a_full_server_drains_and_its_worker_can_start(on_redis):
    place, client = on_redis, redis.Redis.from_url(on_redis.broker)
    place.shell("from tests.lib.live_worker.tasks import note\nfor n in range(20): note.delay(f'n{n}')")
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("a", "b")

    worker = place.worker("-c", "2")
    eventually("all ran", lambda: len(place.lines("n")) == 20)

    assert worker.poll() is None
    assert client.llen("fast") == 0


def test_a_worker_is_seen_and_counts_its_jobs_until_the_last_one_has_ended(on_redis):
    place = on_redis
    worker = place.worker("-c", "1")
    eventually("it is seen", lambda: place.shell(SEEN) == [1, 0])
    place.shell("from tests.lib.live_worker.tasks import held; held.delay('long')")
    eventually("it runs", lambda: place.lines("begin"))

    worker.send_signal(signal.SIGINT)
    eventually("it shuts down", lambda: "Warm shutdown" in place.log())
    while_it_runs = [place.shell(SEEN) for _ in range(3)]
    (place.folder / "long").touch()
    worker.wait(60)

    assert while_it_runs == [[1, 0]] * 3
    assert place.lines("end") == ["end long"]
    assert place.shell(SEEN) == [0, 1]


def test_a_worker_that_spawns_its_processes_says_what_to_do(on_redis):
    command = [sys.executable, *CELERY, "worker", "-Q", "fast", "--pool-start-method", "spawn"]
    done = subprocess.run(command, env=on_redis.environment, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "Set CELERY_WORKER_POOL_START_METHOD to 'fork'" in done.stdout + done.stderr
