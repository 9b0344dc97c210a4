"""Test that the relay publishes what is due or lost, and that one bad job keeps no other from being sent."""

import logging
import struct
from datetime import timedelta

import pytest
from django.utils import timezone

from djcelery_jobs.core import outbox
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job, State
from tests.lib.durable_jobs import effects, later, the_job

pytestmark = pytest.mark.django_db


def test_the_relay_counts_what_is_alike_in_one_statement(add, broker, committed, django_assert_max_num_queries):
    with committed():
        add.apply_async_many([(f"now {n}",) for n in range(50)])
        add.apply_async_many([(f"later {n}",) for n in range(50)], countdown=60)
    assert Job.objects.filter(waiting_since=None).count() == 50
    broker.clear()  # it has lost them
    later(1000)

    with django_assert_max_num_queries(5):  # two of them begin and end the transaction
        assert relay() == 100

    assert broker.waiting()["fast"] == 100
    assert set(Job.objects.values_list("state", "publications")) == {(State.WAITING, 1)}
    assert not Job.objects.filter(waiting_since=None).exists()
    assert not Job.objects.filter(publish_at__lte=timezone.now()).exists()


def test_a_countdown_is_kept_in_the_row_and_not_in_the_broker(add, broker, committed):
    with committed():
        add.apply_async(["a"], countdown=60)
    relay()
    assert (the_job().state, broker.waiting()["fast"]) == (State.DELAYED, 0)

    later(61)
    relay()
    assert (the_job().state, broker.waiting()["fast"]) == (State.WAITING, 1)


def test_what_the_broker_lost_is_published_again(add, broker, committed):
    with committed():
        add.delay("a")
    broker.clear()

    assert relay() == 0
    later(61)
    assert relay() == 1
    broker.drain()

    assert effects() == ["a"]


def test_copies_become_rarer(add, broker, committed):
    with committed():
        add.delay("a")
    waits = []
    for _ in range(3):
        later((the_job().publish_at - timezone.now()).total_seconds() + 1)
        relay()
        waits.append((the_job().publish_at - timezone.now()).total_seconds())

    assert waits[1] / waits[0] == pytest.approx(2, rel=0.01)
    assert waits[2] / waits[1] == pytest.approx(2, rel=0.01)


def test_a_broker_that_is_away_costs_one_caller_and_loses_nothing(add, broker, committed, monkeypatch):
    tried = []

    def unreachable(*args, **kwargs):
        tried.append(args)
        raise ConnectionRefusedError

    monkeypatch.setattr(outbox, "breaker", breaker := outbox.Breaker())
    monkeypatch.setattr(breaker, "_close_when_it_answers", lambda app: None)
    monkeypatch.setattr(outbox, "send", unreachable)
    with committed():
        add.delay("a")
    with committed():
        add.delay("b")

    assert len(tried) == 1
    assert relay() == 0
    monkeypatch.undo()
    broker.drain()
    assert effects() == ["a", "b"]


def test_a_queue_for_which_the_broker_takes_nothing_keeps_no_other_waiting_for_ever(
    add, broker, committed, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    with committed():
        add.apply_async_many([(f"stuck {n}",) for n in range(3)], countdown=60)
        add.apply_async(["other"], countdown=61, queue="slow")
    send = outbox.send

    def send_unless_fast(job: Job, **options: object) -> None:
        if job.queue == "fast":
            raise TimeoutError
        send(job, **options)

    monkeypatch.setattr(outbox, "breaker", breaker := outbox.Breaker())
    monkeypatch.setattr(breaker, "_close_when_it_answers", lambda app: None)
    monkeypatch.setattr(outbox, "send", send_unless_fast)
    later(100)
    for _ in range(64):
        relay()
        breaker.closed = True  # it answers

    assert broker.waiting()["slow"] == 1
    assert broker.waiting()["fast"] == 0
    published = [record.getMessage() for record in caplog.records if "published" in record.msg]
    assert published == ["relay: published 1 jobs"]


def test_a_task_that_no_deploy_brings_back_is_dead(broker):
    job = Job.objects.create(task="gone.tasks.x", queue="fast", publish_at=timezone.now())
    relay()
    assert the_job().state == State.WAITING

    Job.objects.update(created_at=job.created_at - timedelta(days=1), publish_at=timezone.now())
    relay()
    assert (the_job().state, the_job().error) == (State.DEAD, "No task is called gone.tasks.x.")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"queue": "gone"}, "No queue is called gone."),
        ({"args": ["a", "", "b"]}, "TypeError: "),
        ({"args": [{"__type__": "decimal", "__value__": "abc"}]}, "InvalidOperation: "),
        ({"args": [{"__type__": "bytes", "__value__": 1}]}, "AttributeError: "),
    ],
)
def test_a_job_that_the_code_cannot_send_any_more_is_dead_and_keeps_no_other_from_being_sent(
    add, broker, committed, change, says
):
    with committed():
        add.apply_async_many([("a",), ("b",)], countdown=60)
    first = Job.objects.first()
    Job.objects.filter(pk=first.pk).update(**change)
    later(100)
    relay()
    assert outbox.breaker.closed
    assert broker.waiting()["fast"] == 1
    assert Job.objects.get(pk=first.pk).state == State.DELAYED  # a deploy may be under way

    Job.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=1), publish_at=timezone.now())
    relay()
    first.refresh_from_db()
    assert (first.state, first.error[: len(says)]) == (State.DEAD, says)


def test_a_job_that_no_message_can_carry_keeps_no_other_from_being_sent(add, broker, committed, caplog, monkeypatch):
    def send(job, **options):
        if job.args == ["a"]:
            raise struct.error
        given(job, **options)

    given = outbox.send
    monkeypatch.setattr(outbox, "send", send)
    with committed():
        add.apply_async_many([("a",), ("b",)])

    assert outbox.breaker.closed
    assert broker.waiting()["fast"] == 1
    assert "cannot send" in caplog.text
