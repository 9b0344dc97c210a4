"""What comes from the broker and is no job of any task."""

import json
import pickle
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import current_app
from celery.worker import consumer as celerys
from django.utils import timezone
from kombu import Message
from kombu.exceptions import ContentDisallowed

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job, State
from djcelery_jobs.worker.consumer import Consumer

pytestmark = pytest.mark.django_db


@pytest.fixture
def consumer(monkeypatch):
    """Our consumer without a worker around it; what Celery itself would do is noted."""
    monkeypatch.setattr("djcelery_jobs.worker.consumer.connections", SimpleNamespace(close_all=lambda: None))
    ours = Consumer.__new__(Consumer)
    ours.app, ours.hostname, ours.pool, ours.hub, ours.went_on = current_app, "fast-1", None, None, []
    events = ("unknown_task", "invalid_task", "decode_error", "ready", "close", "connection_error_after_connected")
    for name in (f"on_{event}" for event in events):
        monkeypatch.setattr(celerys.Consumer, name, lambda self, *args: self.went_on.append(args))
    return ours


def message(body: bytes, **headers) -> Message:
    return Message(
        body=body, headers=headers, content_type="application/json", content_encoding="utf-8",
        delivery_info={"routing_key": "slow"}, accept=["application/json"],
    )  # fmt: skip


def test_a_task_that_does_not_exist(consumer):
    body = json.dumps([[1], {"a": 2}, {}]).encode()
    consumer.on_unknown_task(None, message(body, id="my-id", task="gone.tasks.x"), KeyError("gone.tasks.x"))

    job = Job.objects.get()
    assert (job.task, job.args, job.kwargs, job.queue, job.state) == ("gone.tasks.x", [1], {"a": 2}, "slow", State.DEAD)
    assert "No task is called" in job.error
    assert len(consumer.went_on) == 1


def test_arguments_that_cannot_be_decoded(consumer):
    consumer.on_decode_error(message(b"{not json", id="i", task="orders.x"), ValueError("Expecting"))

    assert Job.objects.get().args == ["{not json"]


def test_a_pickled_message_is_kept_and_not_opened(consumer):
    pickled = message(pickle.dumps([[1000], {}, {}]), id="i", task="orders.x")
    pickled.content_type = "application/x-python-serialize"
    consumer.on_decode_error(pickled, ContentDisallowed("pickle"))

    assert "]" in Job.objects.get().args[0]  # it has NULs, too, which PostgreSQL does not hold


def test_a_message_that_makes_no_sense(consumer):
    consumer.on_invalid_task(None, message(b"\xff\xfe"), ValueError("no"))

    assert Job.objects.get().task == "unknown"
    assert len(consumer.went_on) == 1


def test_what_waited_here_when_the_connection_broke_is_sent_again_at_once(consumer, task, broker, monkeypatch):
    def work() -> None:
        """Never runs."""

    durable, plain = task(work, base=DurableTask), SimpleNamespace(name="plain")
    running, waiting = Job(task=durable.name, queue="fast"), Job(task=durable.name, queue="fast")
    for job in (running, waiting):
        job.publish_at = timezone.now() + timedelta(minutes=1)
        job.save()
    ran = SimpleNamespace(id=str(running.pk), task=durable)
    reserved = [ran, SimpleNamespace(id=str(waiting.pk), task=durable)]
    reserved += [SimpleNamespace(id="no uuid", task=task) for task in (plain, durable)]
    monkeypatch.setattr(
        "djcelery_jobs.worker.consumer.state", SimpleNamespace(reserved_requests=reserved, active_requests=[ran])
    )
    monkeypatch.setattr("djcelery_jobs.worker.consumer.ledger.publish_oldest_now", lambda queues: None)

    consumer.on_close()  # so does a worker that shuts down: its broker has the messages back
    assert relay() == 0

    consumer.on_connection_error_after_connected(ConnectionResetError())

    assert relay() == 1
    assert Job.objects.get(publications=1) == waiting


def test_what_was_on_its_way_here_is_sent_again_at_once(consumer, task, broker, monkeypatch):
    def work() -> None:
        """Never runs."""

    name, now = task(work, base=DurableTask).name, timezone.now()
    common = {"task": name, "publish_at": now + timedelta(minutes=1)}
    minutes = [Job(queue="fast", waiting_since=now - timedelta(minutes=age), **common) for age in (1, 3, 2)]
    elsewhere = Job(queue="slow", waiting_since=now - timedelta(minutes=9), **common)
    running = Job(queue="fast", waiting_since=now - timedelta(minutes=9), started_at=now, starts=1, **common)
    Job.objects.bulk_create([*minutes, elsewhere, running])
    monkeypatch.setattr(
        "djcelery_jobs.worker.consumer.state", SimpleNamespace(reserved_requests=[], active_requests=[])
    )
    monkeypatch.setattr("djcelery_jobs.worker.consumer.ledger.IN_TRANSIT", 2)
    monkeypatch.setattr(current_app.amqp.queues, "_consume_from", {"fast": None})

    consumer.on_connection_error_after_connected(ConnectionResetError())

    assert relay() == 2
    assert set(Job.objects.filter(publications=1)) == set(minutes[1:])


@pytest.mark.parametrize(("cancels", "starts"), [(True, 0), (False, 1)])
def test_runs_that_celery_ends_when_the_connection_broke_do_not_count(
    consumer, task, broker, conf, monkeypatch, cancels, starts
):
    def work() -> None:
        """Never runs."""

    durable = task(work, base=DurableTask)
    job = Job.objects.create(task=durable.name, queue="fast", publish_at=timezone.now(), starts=1, worker="fast-1")
    active = [SimpleNamespace(id=str(job.pk), task=durable)]
    monkeypatch.setattr(
        "djcelery_jobs.worker.consumer.state", SimpleNamespace(reserved_requests=active, active_requests=active)
    )
    conf(worker_cancel_long_running_tasks_on_connection_loss=cancels)

    consumer.on_connection_error_after_connected(ConnectionResetError())

    job.refresh_from_db()
    assert job.starts == starts
    assert len(consumer.went_on) == 1


def test_its_processes_are_looked_after_when_the_connection_broke_and_before_the_loop_begins(consumer, monkeypatch):
    monkeypatch.setattr(
        "djcelery_jobs.worker.consumer.state", SimpleNamespace(reserved_requests=[], active_requests=[])
    )
    monkeypatch.setattr(current_app.amqp.queues, "_consume_from", {})
    calls, processes = [], object()
    consumer.pool, consumer.hub = SimpleNamespace(_pool=processes), object()
    monkeypatch.setattr(
        "djcelery_jobs.worker.process_pool.rewatch_lost_processes", lambda *args: calls.append(("watch", *args))
    )
    monkeypatch.setattr(
        "djcelery_jobs.worker.process_pool.drain_finished_results", lambda *args: calls.append(("hear", *args))
    )

    consumer.on_connection_error_after_connected(ConnectionResetError())
    assert calls == [("watch", processes)]

    consumer.on_ready()
    assert calls[1:] == [("hear", processes, consumer.hub)]
    assert len(consumer.went_on) == 2


def test_a_broker_that_is_away_is_looked_for_every_few_seconds_by_a_worker_that_says_so(consumer, monkeypatch):
    waits, done = [], []

    def try_again(interval_max, callback):
        waits.append(interval_max)
        callback()

    monkeypatch.setattr(
        celerys.Consumer, "ensure_connected",
        lambda self, conn: conn.ensure_connection(callback=lambda: done.append("celery's")),
    )  # fmt: skip
    monkeypatch.setattr(
        "djcelery_jobs.worker.consumer.pulse", SimpleNamespace(mark_broker_unreachable=lambda: done.append("pulse"))
    )

    consumer.ensure_connected(SimpleNamespace(ensure_connection=try_again))

    assert waits == [jobs_settings.BROKER_RECONNECT_INTERVAL]
    assert done == ["pulse", "celery's"]
