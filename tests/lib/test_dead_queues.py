"""Test that messages that RabbitMQ gave up become dead letters."""

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

    assert dead_queues.drain() == 1
    assert dead_queues.drain() == 0

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

    assert dead_queues.drain() == 1
    assert dead_queues.drain() == 0
    assert Job.objects.filter(state=State.DEAD).count() == kept


def test_a_durable_job_is_left_to_its_row(given_up):
    result = prune.delay()
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    Job.objects.create(pk=result.id, task=prune.name, queue="slow", publish_at=tomorrow)
    given_up("slow")

    dead_queues.drain()

    job = Job.objects.get()
    assert job.state == State.WAITING
    assert job.publish_at <= timezone.now() + timezone.timedelta(seconds=jobs_settings.RETURNED_MESSAGE_WAIT)


def test_a_broker_that_is_away_is_left_alone(broker, monkeypatch):
    monkeypatch.setattr(dead_queues.outbox, "breaker", found := dead_queues.outbox.Breaker())
    monkeypatch.setattr(found, "_close_when_it_answers", lambda app: None)

    def unreachable(*args):
        raise ConnectionRefusedError

    monkeypatch.setattr(dead_queues, "_drain", unreachable)
    assert dead_queues.drain() == 0
    assert not found.closed
    monkeypatch.undo()
    assert dead_queues.drain() == 0


def test_a_job_that_is_done_needs_nothing(given_up):
    result = prune.delay()
    Job.objects.create(pk=result.id, task=prune.name, queue="slow", state=State.DONE, publish_at=timezone.now())
    given_up("slow")

    dead_queues.drain()

    assert Job.objects.get().state == State.DONE


def test_without_a_database_it_stays_at_the_broker(given_up, broker, monkeypatch):
    prune.delay()
    given_up("slow")
    monkeypatch.setattr(dead_queues.stray_messages, "keep", lambda message, error: False)

    assert dead_queues.drain() == 0
    assert broker.waiting()["slow"] == 1  # memory puts it back by its routing key, and RabbitMQ where it was


def test_a_reason_that_somebody_else_wrote_does_no_harm(broker):
    for death in (5, [], [5], {}, [{}]):
        assert dead_queues._reason(SimpleNamespace(headers={"x-death": death})) == "unknown"
