"""Test that messages that RabbitMQ gave up become dead letters."""

import time
from types import SimpleNamespace

import pytest
from celery import current_app
from django.utils import timezone

from djcelery_jobs.brokers.rabbitmq import dead_queue
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import dead_queues
from djcelery_jobs.models import Job, State
from djcelery_jobs.tasks import prune

pytestmark = pytest.mark.django_db


def drain() -> int:
    return dead_queues.DeadQueues()()


@pytest.fixture
def given_up(broker):
    """Move what was published into the dead queue, as RabbitMQ does."""

    def give_up(queue: str, reason: str = "delivery_limit") -> None:
        with current_app.connection_for_write() as connection:
            channel = connection.default_channel
            message = current_app.amqp.queues[queue](channel).get()
            headers = {**message.headers, "x-death": [{"reason": reason}]}
            dead_queue(queue)(channel).declare()
            channel._put(f"{queue}.dead", _raw(message, headers))

    return give_up


def _raw(message, headers):
    return {
        "body": message.body,
        "content-encoding": message.content_encoding,
        "content-type": message.content_type,
        "headers": headers,
        "properties": {**message.properties, "body_encoding": None},
    }


def test_a_plain_job_becomes_a_dead_letter(given_up):
    prune.delay()
    given_up("slow")

    assert drain() == 1
    assert drain() == 0

    job = Job.objects.get()
    assert (job.task, job.state, job.error) == (
        "djcelery_jobs.tasks.prune",
        State.DEAD,
        "RabbitMQ gave it up: delivery_limit.",
    )


@pytest.mark.parametrize(("options", "kept"), [({"expires": 60}, 0), ({}, 1)])
def test_what_expired_as_its_sender_wanted_is_dropped(given_up, options, kept):
    prune.apply_async(**options)
    given_up("slow", "expired")

    assert drain() == 1
    assert drain() == 0
    assert Job.objects.filter(state=State.DEAD).count() == kept


def test_a_durable_job_is_left_to_its_row(given_up):
    result = prune.delay()
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    Job.objects.create(pk=result.id, task=prune.name, queue="slow", publish_at=tomorrow)
    given_up("slow")

    drain()

    job = Job.objects.get()
    assert job.state == State.WAITING
    assert job.publish_at <= timezone.now() + timezone.timedelta(seconds=jobs_settings.RETURNED_MESSAGE_WAIT)


@pytest.fixture
def breaker(monkeypatch):
    monkeypatch.setattr(dead_queues.outbox, "breaker", breaker := dead_queues.outbox.Breaker())
    monkeypatch.setattr(breaker, "_close_when_it_answers", lambda app: None)
    return breaker


def test_a_broker_that_is_away_is_left_alone(given_up, breaker):
    prune.delay()
    given_up("slow")

    breaker.open()
    assert drain() == 0
    breaker.closed = True
    assert drain() == 1


def test_a_broker_that_cannot_be_reached_is_asked_once(given_up, breaker, monkeypatch, caplog):
    prune.delay()
    given_up("slow")
    drain = dead_queues.DeadQueues()

    def unreachable(*args: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(dead_queues.KeptQuickConnection, "channel", unreachable)
        assert [drain(), drain()] == [0, 0]
    assert caplog.text.count("the broker is down") == 1
    assert breaker.closed

    pass_time(monkeypatch)
    assert drain() == 1


def test_a_queue_that_the_broker_refuses_does_not_end_beat(given_up, monkeypatch):
    prune.delay()
    given_up("slow")
    [refused, *_] = current_app.connection_for_read().channel_errors
    drain_one = dead_queues._drain

    def drain_or_refuse(name: str, channel: object) -> int:
        if name == "fast":
            raise refused
        return drain_one(name, channel)

    monkeypatch.setattr(dead_queues, "_drain", drain_or_refuse)
    assert drain() == 1


def test_after_a_mistake_the_channel_is_closed_so_that_the_broker_takes_its_messages_back(broker, monkeypatch):
    channels = []

    def fail(name: str, channel: object) -> int:
        channels.append(channel)
        raise ZeroDivisionError

    monkeypatch.setattr(dead_queues, "_drain", fail)
    drain = dead_queues.DeadQueues()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            drain()
    assert [channel.closed for channel in channels] == [True, True]


def pass_time(monkeypatch) -> None:
    later = time.monotonic() + dead_queues.PAUSE
    monkeypatch.setattr(dead_queues, "time", SimpleNamespace(monotonic=lambda: later))


def test_a_queue_that_does_not_answer_keeps_nothing_else_waiting(given_up, breaker, monkeypatch):
    prune.delay()
    given_up("slow")
    drain_one, asked, connections = dead_queues._drain, [], set()

    def drain_or_fail(name: str, channel: object) -> int:
        asked.append(name)
        connections.add(channel)
        if name == "fast":  # before "slow"
            raise TimeoutError
        return drain_one(name, channel)

    monkeypatch.setattr(dead_queues, "_drain", drain_or_fail)
    drain = dead_queues.DeadQueues()
    assert drain() == 1
    assert breaker.closed  # or the relay would do nothing
    assert len(connections) == 2  # the one that gave no answer is not used again
    names = [*current_app.amqp.queues]
    assert asked == names

    drain()
    assert asked == [*names, *(name for name in names if name != "fast")]
    pass_time(monkeypatch)
    drain()
    assert asked.count("fast") == 2


def test_a_job_that_is_done_needs_nothing(given_up):
    result = prune.delay()
    Job.objects.create(pk=result.id, task=prune.name, queue="slow", state=State.DONE, publish_at=timezone.now())
    given_up("slow")

    drain()

    assert Job.objects.get().state == State.DONE


def test_without_a_database_it_stays_at_the_broker(given_up, broker, monkeypatch):
    prune.delay()
    given_up("slow")
    monkeypatch.setattr(dead_queues.stray_messages, "keep", lambda message, error: False)

    assert drain() == 0
    assert broker.waiting()["slow"] == 1  # memory puts it back by its routing key, and RabbitMQ where it was


def test_a_reason_that_somebody_else_wrote_does_no_harm(broker):
    for death in (5, [], [5], {}, [{}]):
        assert dead_queues._reason(SimpleNamespace(headers={"x-death": death})) == "unknown"
