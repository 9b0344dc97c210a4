"""Run two projects on one broker as generated: nothing that one has in the broker is seen by the other.

Both have the same tasks and the same queues, so that a message which reached the wrong project would run there.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.live.harness.environment import Environment, environment_on
from tests.live.harness.processes import eventually, whole_lines
from tests.live.harness.project import edit
from tests.live.harness.servers import running_broker, running_database

SLUGS = ("shop", "stall")
SECONDS = 3
VISIBILITY = '"visibility_timeout": max(w.hard_limit for w in WORKLOADS.values()) + LONGEST_DELAY + 60,'
HEALTH = "from djcelery_jobs.brokers import queue_lengths as q; print({n: l.messages for n, l in q.fetch().items()})"


@dataclass
class Neighbours:
    """Hold two projects on one broker."""

    broker: Any
    first: Environment
    second: Environment


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def neighbours(request: pytest.FixtureRequest) -> Iterator[Neighbours]:
    with ExitStack() as stack:
        broker = stack.enter_context(running_broker(request.param))
        environments = []
        for slug in SLUGS:
            database = stack.enter_context(running_database("sqlite"))
            options = {"WORKLOAD_RECORD_STARTS": "true"}
            if request.param == "redis":
                options["CACHE_URL"] = broker.variables["REDIS_URL"].replace("/0", "/1")
            environments.append(stack.enter_context(environment_on(broker, database, slug, slug=slug, **options)))
            if request.param == "redis":  # a message of a worker that died returns after seconds, not after an hour
                settings = environments[-1].project.path / slug / "settings"
                edit(settings / "jobs.py", VISIBILITY, f'"visibility_timeout": {SECONDS},')
                edit(
                    settings / "production.py",
                    "SILENCED_SYSTEM_CHECKS = [",
                    'SILENCED_SYSTEM_CHECKS = ["djcelery_jobs.E008", ',
                )
        yield Neighbours(broker, *environments)


@pytest.fixture(autouse=True)
def end_processes(neighbours: Neighbours) -> Iterator[None]:
    yield
    for environment in (neighbours.first, neighbours.second):
        environment.end_processes()


def starts(environment: Environment, text: str = "") -> list[str]:
    """Return the first argument of each run that has begun in the project."""
    records = map(json.loads, whole_lines(environment.project.path / "records" / "log.jsonl"))
    begun = [str(record["args"][0]) for record in records if record["event"] == "start" and record.get("args")]
    return [argument for argument in begun if argument.startswith(text)]


def names(neighbours: Neighbours) -> set[str]:
    """Return the names of all keys, or of all queues and exchanges, that are in the broker."""
    if neighbours.broker.kind == "redis":
        from redis import Redis

        return {key.decode() for key in Redis.from_url(neighbours.broker.variables["REDIS_URL"]).keys()}  # noqa: SIM118
    return neighbours.broker.names_of("queues") | neighbours.broker.names_of("exchanges")


def test_the_jobs_of_one_wait_for_its_own_worker(neighbours):
    first, second = neighbours.first, neighbours.second
    first.worker("fast").end()  # RabbitMQ holds delayed jobs once a worker of the project has been there
    first.shell("for n in range(3): note.delay(f'one {n}')\nnote.apply_async(('one later',), countdown=2)")
    first.shell("durable.delay(1)")
    other = second.worker("fast")
    second.shell("note.delay('two 0')\nnote.apply_async(('two later',), countdown=2)\ndurable.delay(2)")

    eventually("its own ran", lambda: len(starts(second)) >= 3)
    second.wait_until_finished()
    assert sorted(starts(second)) == ["2", "two 0", "two later"]
    assert starts(first) == []
    assert json.loads(first.shell(HEALTH).replace("'", '"'))["fast"] >= 4  # Redis holds a delayed one there, too
    assert json.loads(second.shell(HEALTH).replace("'", '"'))["fast"] == 0
    other.end()

    first.worker("fast")
    eventually("its own ran", lambda: len(starts(first)) >= 5)
    first.wait_until_finished()
    assert sorted(starts(first)) == ["1", "one 0", "one 1", "one 2", "one later"]
    for environment in (first, second):
        assert environment.states() == {"done": 1}
        assert environment.number("SELECT count(*) FROM workload_effect") == 1


def test_the_job_of_a_worker_that_is_killed_returns_to_its_own_project(neighbours):
    first, second = neighbours.first, neighbours.second
    worker = first.worker("slow", "--concurrency", "1")
    second.worker("slow", "--concurrency", "1")
    first.shell("hold.delay('killed')")
    eventually("it runs", lambda: starts(first, "killed"))
    worker.end(signal.SIGKILL)
    (first.project.path / "records" / "release-killed").touch()  # for whoever runs it next
    time.sleep(SECONDS + 1)  # kombu looks for such messages when a worker starts, and then only every 100 seconds

    first.worker("slow", "--concurrency", "1")
    eventually("it runs again", lambda: len(starts(first, "killed")) >= 2, 90)
    assert starts(second, "killed") == []


def test_every_name_in_the_broker_is_of_one_of_them(neighbours):
    for environment in (neighbours.first, neighbours.second):
        environment.worker("fast")
        environment.shell("from django.core.cache import cache; cache.set('key', 'value')")
    mark = ":" if neighbours.broker.kind == "redis" else "."
    owners = {name.split(mark)[0] for name in names(neighbours) if name}  # the default exchange has no name

    assert owners - {"amq"} == set(SLUGS)


def test_cache_heartbeats_locks_and_schedule_are_its_own(neighbours):
    first, second = neighbours.first, neighbours.second
    first.shell("from django.core.cache import cache; cache.set('color', 'red')")
    assert second.shell("from django.core.cache import cache; print(cache.get('color'))") == "None"

    for environment in (first, second):
        environment.beat()
        environment.worker("fast")
    for query in ("SELECT entry FROM djcelery_jobs_schedulestate", "SELECT holder FROM djcelery_jobs_lease"):
        for environment in (first, second):
            eventually("both beats work", partial(environment.database.rows, query))
    workers = [
        {name for (name,) in environment.database.rows("SELECT worker FROM djcelery_jobs_heartbeat")}
        for environment in (first, second)
    ]
    assert not workers[0] & workers[1]


def test_remote_control_reaches_only_its_own_workers(neighbours):
    on = {"CELERY_REMOTE_CONTROL": "true"}
    workers = [
        environment.start("manage.py", "worker", "fast", name=f"controlled-{environment.name}", ready=r" ready\.", **on)
        for environment in (neighbours.first, neighbours.second)
    ]
    neighbours.first.manage("shell", "-v0", "-c", "from celery import current_app as app; app.control.shutdown()", **on)

    eventually("its own worker ends", lambda: workers[0].popen.poll() is not None)
    assert (
        neighbours.second.manage(
            "shell", "-v0", "-c", "from celery import current_app as app; print(len(app.control.ping(timeout=3)))", **on
        )
        .strip()
        .endswith("1")
    )
    assert workers[1].popen.poll() is None
