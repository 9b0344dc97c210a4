"""Set jobs and processes right after the worker lost its connection to the broker."""

import logging
import uuid
from collections.abc import Callable, Collection, Iterable
from typing import Any
from weakref import WeakSet

from celery import bootsteps, current_app
from celery.signals import task_received
from celery.worker.request import Request
from django.db import DatabaseError, connections

from djcelery_jobs.brokers import running_deliveries
from djcelery_jobs.core import ledger
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.core.worker_identity import worker_identity
from djcelery_jobs.models import job_id
from djcelery_jobs.worker import process_pool

logger = logging.getLogger(__name__)

# Celery forgets the ones that no process has begun before it stops the steps.
received: "WeakSet[Request]" = WeakSet()


@task_received.connect(dispatch_uid="djcelery_jobs.worker.connection_loss")
def remember(request: Request, **kwargs: Any) -> None:
    """Remember a request for as long as Celery holds it."""
    received.add(request)


class ConnectionLoss(bootsteps.StartStopStep):
    """Repair what a lost connection leaves behind. Celery stops and starts the consumer's steps around one."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Let the new channel acknowledge what still runs, and the event loop watch every process again."""
        running_deliveries.set_source(lambda: _running_tags(consumer))
        channel = consumer.task_consumer.channel
        if hasattr(channel, "adopt"):
            for request in _running():
                channel.adopt(request.message)
        process_pool.rewatch_lost_processes(_processes(consumer))

    def register_with_event_loop(self, consumer: Any, hub: Any) -> None:
        """Read what ended while the event loop stood still, and replace processes that end from now on."""
        process_pool.drain_finished_results(_processes(consumer), hub)
        process_pool.replace_ended_processes(_processes(consumer), hub)

    def stop(self, consumer: Any) -> None:
        """Have the jobs published again whose messages were dropped here.

        RabbitMQ delivers the messages that waited here again at once, Redis after its visibility timeout, which may be
        an hour. Redis also forgets the ones that were on their way. Where Celery ends the runs, their messages return,
        and the runs were cut off through no fault of their own.
        """
        if consumer.blueprint.state != bootsteps.RUN:  # it shuts down, see shutdown.py
            return
        running, waiting = _durable(_running()), _durable(request for request in received if _waits(request))
        if consumer.app.conf.worker_cancel_long_running_tasks_on_connection_loss:
            _record(ledger.release, running, worker=worker_identity(consumer.hostname))
        _record(ledger.publish_now, waiting)
        _record(ledger.publish_oldest_now, list(consumer.app.amqp.queues.consume_from))


def _running() -> list[Request]:
    return [request for request in received if request.time_start and not request.acknowledged]


def _waits(request: Request) -> bool:
    return not request.time_start and not request.acknowledged


def _running_tags(consumer: Any) -> Collection[str]:
    cancelled = consumer.app.conf.worker_cancel_long_running_tasks_on_connection_loss
    if cancelled or consumer.blueprint.state != bootsteps.RUN:
        return ()
    return {request.message.delivery_tag for request in _running()}


def _processes(consumer: Any) -> Any:
    return getattr(consumer.pool, "_pool", None)


def _durable(requests: Iterable[Request]) -> list[uuid.UUID]:
    return [job_id(request.id) for request in requests if is_durable(request.task)]


def _record(change: Callable[..., None], names: Iterable[object], **options: Any) -> None:
    try:
        change(names, **options)
    except DatabaseError:
        logger.warning("the database is down too; the relay finds these jobs a little later", exc_info=True)
    connections.close_all()  # the main process forks children, and must not share a connection with them


current_app.steps["consumer"].add(ConnectionLoss)
