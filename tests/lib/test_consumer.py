"""Test that no message ends the worker, stops a queue or is lost, whatever it holds."""

import json
import pickle
import tracemalloc
from collections import deque
from types import SimpleNamespace

import pytest
from celery import Signature, chain, current_app, group
from celery.worker import consumer as celerys
from django.db import OperationalError
from django.utils import timezone
from kombu import Message

from djcelery_jobs.core import ledger
from djcelery_jobs.models import Job, State
from djcelery_jobs.tasks import prune
from djcelery_jobs.worker.consumer import RETURN_DELAY, Consumer
from tests.lib.hostile import BOMB_SIZE, BOMBS, HOSTILE, PLAIN, Hostile, make_bomb

pytestmark = pytest.mark.django_db


class Channel:
    """Stand in for a channel, as far as a message needs it to be acknowledged."""

    no_ack_consumers = None

    def __init__(self) -> None:
        self.rejected: list[bool] = []

    def basic_ack(self, tag, multiple=False):
        """Take the message off the queue."""

    def basic_reject(self, tag, requeue=False):
        self.rejected.append(requeue)


@pytest.fixture
def consumer(monkeypatch):
    """Return our consumer without a worker around it, with Celery's own handling of messages."""
    monkeypatch.setattr("djcelery_jobs.worker.consumer.connections", SimpleNamespace(close_all=lambda: None))
    ours = Consumer.__new__(Consumer)
    ours.app, ours.hostname, ours.hub = current_app._get_current_object(), "fast-1", None
    ours.pool = SimpleNamespace(apply_async=None)
    ours.event_dispatcher, ours.disable_rate_limits, ours.task_buckets = None, True, {}
    ours.connection_errors, ours.channel_errors = (OSError, KeyError), (TimeoutError,)
    ours.controller = SimpleNamespace(state=SimpleNamespace(revoked=set()))
    ours.on_task_message, ours.strategies, ours.restart_count = set(), {}, 0
    ours._pending_operations, ours._maximum_prefetch_restored = deque(), True
    ours.calls, ours.begun = [], []
    ours.timer = SimpleNamespace(
        call_at=lambda *args, **options: None, call_after=lambda *args: ours.calls.append(args)
    )
    ours.on_task_request = ours.begun.append
    ours.strategies = {
        name: task.start_strategy(ours.app, ours)
        for name, task in ours.app.tasks.items()
        if not name.startswith("celery")
    }
    return ours


def message(hostile: Hostile, number: int = 0) -> Message:
    return Message(
        body=hostile.content(), headers=hostile.all_headers(f"id-{number}"), content_type=hostile.content_type,
        content_encoding=hostile.encoding, delivery_info={"routing_key": "slow"}, accept=["application/json"],
        channel=Channel(),
    )  # fmt: skip


def receive(consumer: Consumer, received: Message) -> None:
    """Receive as kombu does."""
    if received.errors:
        received._reraise_error(consumer.on_decode_error)
    else:
        consumer.create_task_handler()(received)


def test_a_good_message_reaches_its_task(consumer):
    receive(consumer, received := message(Hostile("good")))

    [request] = consumer.begun
    assert (request.name, request.id) == (prune.name, "id-0")
    assert not received.acknowledged
    assert not Job.objects.exists()


FOLLOWERS = [
    prune.si(),
    prune.si().set(countdown=5, link=prune.si(), expires="2030-01-01T00:00:00+00:00"),
    chain(prune.si(), prune.si()),
    group(prune.si(), chain(prune.si(), prune.si())),
    Signature("a.task.of.another.program", queue="slow"),
]


@pytest.mark.parametrize("follower", FOLLOWERS, ids=str)
@pytest.mark.parametrize("part", ["callbacks", "errbacks", "chain"])
def test_so_does_one_with_followers(consumer, part, follower):
    receive(consumer, message(Hostile("good", json.loads(json.dumps([[], {}, {part: [follower]}])))))

    assert len(consumer.begun) == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("pack", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_not_unpacked(consumer, pack):
    bomb = Hostile("bomb", make_bomb(pack), headers={"compression": {p: n for n, p in BOMBS.items()}[pack]})
    tracemalloc.start()
    try:
        receive(consumer, message(bomb))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < BOMB_SIZE / 2


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_message_that_no_task_can_run_is_kept_and_acknowledged(consumer, hostile):
    receive(consumer, received := message(hostile))

    assert received.acknowledged
    assert consumer.begun == []
    [job] = Job.objects.all()
    assert (job.state, job.queue) == (State.DEAD, "slow")
    assert job.error
    assert len(HOSTILE) >= 60


def test_whatever_else_raises_is_that_messages_fault(consumer):
    def fail(*args: object) -> None:
        raise KeyError("inside of Celery")

    consumer.strategies[PLAIN] = fail
    receive(consumer, received := message(Hostile("good")))

    assert received.acknowledged
    assert Job.objects.get().error == "It could not be received: KeyError: 'inside of Celery'"


@pytest.mark.parametrize("error", [OSError, TimeoutError])
def test_a_lost_connection_is_not_the_messages_fault(consumer, error):
    def fail(*args: object) -> None:
        raise error

    consumer.strategies[PLAIN] = fail
    with pytest.raises(error):
        receive(consumer, message(Hostile("good")))

    assert not Job.objects.exists()


def test_a_failure_to_announce_it_does_not_keep_it_in_the_queue(consumer, monkeypatch):
    def fail(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(celerys.Consumer, "on_unknown_task", fail)
    receive(consumer, received := message(Hostile("unknown", headers={"task": "gone.x"})))

    assert received.channel.rejected == [False]


def test_without_a_database_it_returns_to_its_queue_a_little_later(consumer, monkeypatch):
    def unreachable(*args: object, **options: object) -> None:
        raise OperationalError

    monkeypatch.setattr(ledger, "record_failure", unreachable)
    receive(consumer, received := message(Hostile("unknown", headers={"task": "gone.x"})))

    [(seconds, return_to_queue, arguments)] = consumer.calls
    assert seconds == RETURN_DELAY
    assert not received.acknowledged
    return_to_queue(*arguments)
    assert received.channel.rejected == [True]


def test_a_task_that_does_not_exist(consumer):
    receive(consumer, message(Hostile("", [[1], {"a": 2}, {}], {"id": "my-id", "task": "gone.tasks.x"})))

    job = Job.objects.get()
    assert (job.task, job.args, job.kwargs, job.queue, job.state) == ("gone.tasks.x", [1], {"a": 2}, "slow", State.DEAD)
    assert "No task is called" in job.error


def test_arguments_that_cannot_be_decoded(consumer):
    receive(consumer, message(Hostile("", b"{not json")))

    assert Job.objects.get().args == ["{not json"]


def test_a_pickled_message_is_kept_and_not_opened(consumer):
    pickled = pickle.dumps([[1000], {}, {}])
    receive(consumer, message(Hostile("", pickled, content_type="application/x-python-serialize")))

    assert "]" in Job.objects.get().args[0]  # it has NULs, too, which PostgreSQL does not hold


def test_a_message_does_not_overwrite_the_row_of_another_job(consumer):
    job = Job.objects.create(task="another.task", args=[1], queue="slow", publish_at=timezone.now())
    dead = Job.objects.create(task="gone.x", args=[1], queue="slow", publish_at=timezone.now(), state=State.DEAD)
    for row in (job, dead):
        receive(consumer, message(Hostile("", [[2], {}, {}], {"id": str(row.pk), "task": "gone.x"})))

    for row in (job, dead):
        row.refresh_from_db()
        assert row.args == [1]
    assert Job.objects.filter(args=[2], state=State.DEAD).count() == 2


def test_the_same_message_is_kept_once(consumer):
    for _ in range(2):
        receive(consumer, message(Hostile("", [[2], {}, {}], {"id": "an-id", "task": "gone.x"})))

    assert Job.objects.count() == 1


def test_a_message_of_a_job_that_is_not_finished_is_published_again_from_its_row(consumer):
    later = timezone.now() + timezone.timedelta(days=1)
    job = Job.objects.create(task="gone.x", queue="slow", publish_at=later)
    receive(consumer, message(Hostile("", headers={"id": str(job.pk), "task": "gone.x"})))

    job.refresh_from_db()
    assert job.state == State.WAITING
    assert job.publish_at < later


def test_what_a_dead_letter_holds_can_be_shown(consumer):
    receive(consumer, message(Hostile("", [["a\0b", float("nan"), 10**40], {}, {}], {"task": "gone.x"})))

    assert json.dumps(Job.objects.get().args)
