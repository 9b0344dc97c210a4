"""Test that a lost connection to the broker leaves nothing behind."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import bootsteps, current_app
from django.db import DatabaseError
from django.utils import timezone

from djcelery_jobs.brokers import running_deliveries
from djcelery_jobs.core import ledger
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import Job
from djcelery_jobs.worker import connection_loss
from djcelery_jobs.worker.connection_loss import ConnectionLoss

pytestmark = pytest.mark.django_db


class Request:
    """Stand in for Celery's request, as far as the step looks at it."""

    def __init__(self, task, job_id: object, *, began: float | None = None, acknowledged: bool = False) -> None:
        self.task, self.id, self.time_start, self.acknowledged = task, str(job_id), began, acknowledged
        self.message = SimpleNamespace(delivery_tag=f"tag of {job_id}")


@pytest.fixture
def consumer(monkeypatch):
    """Yield a consumer that goes on, without a worker around it."""
    monkeypatch.setattr(connection_loss, "connections", SimpleNamespace(close_all=lambda: None))
    monkeypatch.setattr(connection_loss, "received", [])
    yield SimpleNamespace(
        app=current_app._get_current_object(), hostname="fast-1", pool=None,
        blueprint=SimpleNamespace(state=bootsteps.RUN), task_consumer=SimpleNamespace(channel=object()),
    )  # fmt: skip
    running_deliveries.set_source(tuple)


@pytest.fixture
def step(consumer) -> ConnectionLoss:
    return ConnectionLoss(consumer)


@pytest.fixture
def durable(task):
    def work() -> None:
        """Do nothing: it never runs."""

    return task(work, base=DurableTask)


def later(task, **fields) -> Job:
    fields = {"queue": "fast", "publish_at": timezone.now() + timedelta(minutes=1)} | fields
    return Job.objects.create(task=task.name, **fields)


def test_what_waited_here_is_published_at_once(consumer, step, durable, broker, monkeypatch):
    running, waiting, ended = later(durable), later(durable), later(durable)
    plain = SimpleNamespace(name="plain")
    connection_loss.received += [
        Request(durable, running.pk, began=1.0),
        Request(durable, waiting.pk),
        Request(durable, ended.pk, acknowledged=True),
        Request(plain, "no uuid"),
    ]
    monkeypatch.setattr(ledger, "publish_oldest_now", lambda queues: None)

    consumer.blueprint.state = bootsteps.CLOSE  # a worker that shuts down: its broker has the messages back
    step.stop(consumer)
    assert relay() == 0

    consumer.blueprint.state = bootsteps.RUN
    step.stop(consumer)
    assert relay() == 1
    assert Job.objects.get(publications=1) == waiting


def test_what_was_on_its_way_here_is_published_at_once(consumer, step, durable, broker, monkeypatch):
    now = timezone.now()
    minutes = [later(durable, waiting_since=now - timedelta(minutes=age)) for age in (1, 3, 2)]
    later(durable, queue="slow", waiting_since=now - timedelta(minutes=9))
    later(durable, waiting_since=now - timedelta(minutes=9), started_at=now, starts=1)
    monkeypatch.setattr(ledger, "IN_TRANSIT", 2)
    monkeypatch.setattr(current_app.amqp.queues, "_consume_from", {"fast": None})

    step.stop(consumer)

    assert relay() == 2
    assert set(Job.objects.filter(publications=1)) == set(minutes[1:])


@pytest.mark.parametrize(("cancels", "starts"), [(True, 0), (False, 1)])
def test_runs_that_celery_ends_do_not_count(consumer, step, durable, broker, conf, cancels, starts):
    job = later(durable, starts=1, worker="fast-1")
    connection_loss.received.append(Request(durable, job.pk, began=1.0))
    conf(worker_cancel_long_running_tasks_on_connection_loss=cancels)

    step.stop(consumer)

    job.refresh_from_db()
    assert job.starts == starts


@pytest.mark.parametrize("cancels", [True, False])
def test_the_transport_leaves_alone_what_still_runs(consumer, step, durable, conf, cancels):
    connection_loss.received += [Request(durable, "running", began=1.0), Request(durable, "waiting")]
    connection_loss.received.append(Request(durable, "ended", began=1.0, acknowledged=True))
    conf(worker_cancel_long_running_tasks_on_connection_loss=cancels)
    step.start(consumer)

    assert set(running_deliveries.tags()) == (set() if cancels else {"tag of running"})

    consumer.blueprint.state = bootsteps.TERMINATE
    assert set(running_deliveries.tags()) == set()


def test_the_next_channel_acknowledges_what_still_runs(consumer, step, durable):
    adopted = []
    consumer.task_consumer.channel = SimpleNamespace(adopt=adopted.append)
    connection_loss.received += [Request(durable, "running", began=1.0), Request(durable, "waiting")]
    step.start(consumer)

    assert [message.delivery_tag for message in adopted] == ["tag of running"]


def test_without_a_database_it_goes_on(consumer, step, monkeypatch):
    def unreachable(*args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(ledger, "publish_oldest_now", unreachable)
    step.stop(consumer)


def test_its_processes_are_looked_after_before_the_loop_is_built_and_before_it_begins(consumer, step, monkeypatch):
    calls, processes, hub = [], object(), object()
    consumer.pool = SimpleNamespace(_pool=processes)
    module = "djcelery_jobs.worker.process_pool"
    monkeypatch.setattr(f"{module}.rewatch_lost_processes", lambda *args: calls.append(("watch", *args)))
    monkeypatch.setattr(f"{module}.drain_finished_results", lambda *args: calls.append(("drain", *args)))

    step.start(consumer)
    assert calls == [("watch", processes)]

    step.register_with_event_loop(consumer, hub)
    assert calls[1:] == [("drain", processes, hub)]


def test_workers_do_it():
    assert ConnectionLoss in current_app.steps["consumer"]
