"""Check what people choose RabbitMQ for: dead letters, delays that block nobody, priorities, strict order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.dev.dev_server import DevProject, dev_project
from tests.live.harness.processes import eventually
from tests.live.harness.project import CLASSES, edit

on_rabbitmq = pytest.mark.parametrize("dev_server", ["rabbitmq"], indirect=True)
NOTE = "workload.tasks.probes.note"
# Messages that beat took from a dead queue, as it writes them down.
DEAD_LETTERS = (
    "SELECT count(*) FROM djcelery_jobs_job WHERE state = 'dead' AND task = 'workload.tasks.probes.refuse' "
    "AND queue = 'fast' AND error LIKE 'RabbitMQ gave it up: rejected.'"
)


@on_rabbitmq
@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_a_replicated_queue_and_a_dead_one(dev_server, name):
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.dead"}
    arguments = {
        name: {"x-queue-type": "quorum", "x-delivery-limit": 3, **dead},
        f"{name}.dead": {"x-queue-type": "quorum"},
    }
    with dev_server.environment.broker_connection() as connection, connection.channel() as channel:
        for queue, expected in arguments.items():
            channel.queue_declare(queue, passive=True)  # raises when it is not there
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=expected)  # or is another


@on_rabbitmq
def test_on_a_new_broker_every_worker_can_delay(dev_server):
    assert dev_server.dev.lines("(Failed|not be available).*delayed_delivery") == []


@on_rabbitmq
def test_a_rejected_message_goes_by_the_dead_queue_to_the_dead_letters(dev_server):
    before = dev_server.row(DEAD_LETTERS)

    dev_server.publish("refuse.delay()")

    eventually("one dead letter more", lambda: dev_server.row(DEAD_LETTERS) == before + 1)


@on_rabbitmq
def test_a_countdown_does_not_block_a_task_that_may_run_at_once(dev_server):
    later = [f"note.apply_async(['later {n}'], queue='email', countdown=8)" for n in range(3)]

    dev_server.publish(*later, "note.apply_async(['at once'], queue='email')")

    [at_once] = dev_server.started(NOTE, "at once")
    assert at_once["worker"].startswith("email-")
    for n in range(3):
        [start] = dev_server.started(NOTE, f"later {n}")
        assert start["time"] > at_once["time"]


@pytest.fixture(scope="module")
def classes(tmp_path_factory) -> Iterator[DevProject]:
    """Make a project with two more classes, each of another kind."""
    with dev_project("rabbitmq", tmp_path_factory.mktemp("classes"), {}) as made:
        add_classes(made)
        made.environment.manage("migrate", "--verbosity", "0")
        yield made


def add_classes(made: DevProject) -> None:
    line = '    "{}": Workload(concurrency=1, prefetch=1, soft_limit=20, hard_limit=30, kind="{}"),\n'
    lines = line.format("urgent", "priority") + line.format("ledger", "ordered")
    edit(made.project.path / "shop/settings/jobs.py", "\nWORKLOADS = {\n", "\nWORKLOADS = {\n" + lines)


def test_a_priority_class_serves_what_is_urgent_first(classes):
    send = "note.apply_async(['{}'], queue='urgent', priority={})"
    classes.publish(*(send.format(f"low {n}", 0) for n in range(4)), send.format("high", 9))

    worker = classes.start("manage.py", "worker", "urgent", name="urgent")
    try:
        starts = classes.started(NOTE, count=5)
    finally:
        worker.end()

    assert [start["args"][0] for start in starts] == ["high", "low 0", "low 1", "low 2", "low 3"]


def test_an_ordered_class_keeps_the_order_with_two_workers_and_when_one_is_killed(classes):
    before = len(classes.starts(NOTE))
    workers = [classes.start("manage.py", "worker", "ledger", name=f"ledger-{n}") for n in range(2)]
    try:
        for worker in workers:
            worker.wait_for(r" ready\.")
        classes.publish(*(f"note.apply_async(['entry {n:02}', 0.2], queue='ledger')" for n in range(20)))
        started = classes.started(NOTE, "entry 03")
        active = next(worker for worker in workers if started[0]["pid"] in worker.family())
        active.end(first=9)
        classes.started(NOTE, "entry 19")
    finally:
        for worker in workers:
            worker.end()

    starts = classes.starts(NOTE)[before:]
    order = [start["args"][0] for start in starts]
    assert order == sorted(order)
    assert set(order) == {f"entry {n:02}" for n in range(20)}
    assert len({start["worker"] for start in starts}) == 2
