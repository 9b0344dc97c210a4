"""What people choose RabbitMQ for: dead letters, delays that block nobody, priorities, strict order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kombu import Connection
from processes import eventually
from shop import CLASSES, Shop, edit, make_shop

on_rabbitmq = pytest.mark.parametrize("shop", ["rabbitmq"], indirect=True)
NOTE = "probes.tasks.note"
# What beat took from a dead queue, as it writes it down.
DEAD_LETTERS = "SELECT count(*) FROM djcelery_jobs_job WHERE state = 'dead' AND task = ? AND queue = ? AND error LIKE ?"


@on_rabbitmq
@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_a_replicated_queue_and_a_dead_one(shop, name):
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.dead"}
    arguments = {
        name: {"x-queue-type": "quorum", "x-delivery-limit": 3, **dead},
        f"{name}.dead": {"x-queue-type": "quorum"},
    }
    with Connection(shop.variables["AMQP_URL"]) as connection, connection.channel() as channel:
        for queue, expected in arguments.items():
            channel.queue_declare(queue, passive=True)  # raises when it is not there
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=expected)  # or is another


@on_rabbitmq
def test_on_a_new_broker_every_worker_can_delay(shop):
    assert shop.dev.lines("(Failed|not be available).*delayed_delivery") == []


@on_rabbitmq
def test_a_rejected_message_goes_by_the_dead_queue_to_the_dead_letters(shop):
    rejected = ("probes.tasks.refuse", "fast", "RabbitMQ gave it up: rejected.")
    before = shop.row(DEAD_LETTERS, *rejected)

    shop.publish("refuse.delay()")

    eventually("one dead letter more", lambda: shop.row(DEAD_LETTERS, *rejected) == before + 1)


@on_rabbitmq
def test_a_countdown_does_not_block_a_task_that_may_run_at_once(shop):
    later = [f"note.apply_async(['later {n}'], queue='email', countdown=8)" for n in range(3)]

    shop.publish(*later, "note.apply_async(['at once'], queue='email')")

    [at_once] = shop.started(NOTE, "at once")
    assert at_once["worker"].startswith("email-")
    for n in range(3):
        [start] = shop.started(NOTE, f"later {n}")
        assert start["time"] > at_once["time"]


@pytest.fixture(scope="module")
def kinds(amqp, tmp_path_factory) -> Iterator[Shop]:
    """A project with two classes more, each of its kind by one word."""
    shop = make_shop(tmp_path_factory.mktemp("kinds"), "rabbitmq", {"AMQP_URL": amqp})
    line = '    "{}": Workload(concurrency=1, prefetch=1, soft_limit=20, hard_limit=30, kind="{}"),\n'
    classes = line.format("urgent", "priority") + line.format("ledger", "ordered")
    edit(shop.project.path / "shop/settings/jobs.py", "\nWORKLOADS = {\n", "\nWORKLOADS = {\n" + classes)
    shop.project.run("manage.py", "migrate", "--verbosity", "0", **shop.variables)
    return shop


def test_a_priority_class_serves_what_is_urgent_first(kinds):
    send = "note.apply_async(['{}'], queue='urgent', priority={})"
    kinds.publish(*(send.format(f"low {n}", 0) for n in range(4)), send.format("high", 9))

    worker = kinds.start("manage.py", "worker", "urgent", name="urgent")
    try:
        starts = kinds.started(NOTE, count=5)
    finally:
        worker.end()

    assert [start["args"][0] for start in starts] == ["high", "low 0", "low 1", "low 2", "low 3"]


def test_an_ordered_class_keeps_the_order_with_two_workers_and_when_one_is_killed(kinds):
    before = len(kinds.starts(NOTE))
    workers = [kinds.start("manage.py", "worker", "ledger", name=f"ledger-{n}") for n in range(2)]
    try:
        for worker in workers:
            worker.wait_for(r" ready\.")
        kinds.publish(*(f"note.apply_async(['entry {n:02}', 0.2], queue='ledger')" for n in range(20)))
        started = kinds.started(NOTE, "entry 03")
        active = next(worker for worker in workers if started[0]["pid"] in worker.family())
        active.end(first=9)
        kinds.started(NOTE, "entry 19")
    finally:
        for worker in workers:
            worker.end()

    starts = kinds.starts(NOTE)[before:]
    order = [start["args"][0] for start in starts]
    assert order == sorted(order)
    assert set(order) == {f"entry {n:02}" for n in range(20)}
    assert len({start["worker"] for start in starts}) == 2
