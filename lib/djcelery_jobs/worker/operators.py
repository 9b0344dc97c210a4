"""Do in a worker what people decided: leave paused queues alone, and end the runs of cancelled jobs.

A thread of the main process reads the decisions twice a second. The worker's event loop carries them out, because only
it may talk to the broker and to the pool. So a running job ends within two seconds on the prefork pool. A pool that
cannot end one job alone lets it go on, and its end is not counted: the statement that would mark it done refuses.
"""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from celery import Celery, bootsteps, current_app
from celery.worker import state
from celery.worker.request import Request
from django.db import Error as DatabaseError
from django.db import connections

from djcelery_jobs.core import ledger, pauses
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import Cancellation, PauseKind, database, job_id
from djcelery_jobs.worker.heartbeat import pulse

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 0.5  # seconds between two looks at the database
CARRY_OUT_INTERVAL = 0.25  # seconds between two rounds of the event loop
SIGNAL = "SIGKILL"  # what is stuck in a library hears no other; the database rolls back


@dataclass
class Decisions:
    """Hold what the thread has read last, for the event loop.

    cancelled: jobs that somebody has cancelled and that are not ended yet.
    ended: those of them whose processes this worker has ended, until the row says so.
    is_known: the last look succeeded.
    """

    paused: frozenset[pauses.Name] = frozenset()
    cancelled: frozenset[uuid.UUID] = frozenset()
    ended: set[uuid.UUID] = field(default_factory=set)
    is_known: bool = True

    @property
    def paused_queues(self) -> frozenset[str]:
        """Return the paused queues among those that this worker was started for."""
        return frozenset(queue for queue in pulse.assigned if (PauseKind.QUEUE, queue) in self.paused)


decisions = Decisions()


# -- In the thread


def look() -> None:
    """Read what is paused and cancelled. Without the database, what was known last goes on to hold."""
    try:
        decisions.paused = pauses.names()
        pauses.board.write(decisions.paused)
        decisions.cancelled = frozenset(Cancellation.objects.values_list("pk", flat=True))
        for ended in [*decisions.ended]:
            _finish(ended)
        decisions.is_known = True
    except DatabaseError:
        if decisions.is_known:
            logger.warning("no database; pauses and cancellations are read later", exc_info=True)
        decisions.is_known = False
        connections.close_all()
    finally:
        # A connection to PostgreSQL may stay open: its client knows in which process it was opened, and does not close
        # it in a child that the main process forks meanwhile.
        if database().vendor != "postgresql":
            connections.close_all()


def _finish(job: uuid.UUID) -> None:
    """Write down that a cancelled job has ended, as soon as the database has noticed that its process is gone."""
    if job not in decisions.cancelled or ledger.finish_cancelled(job, run_has_ended=True):
        decisions.ended.discard(job)
    else:
        ledger.end_lock_holder(job)


# -- In the event loop


def leave_paused_queues(app: Celery) -> None:
    """Let a consumer that starts after this leave the paused queues alone."""
    pulse.paused = decisions.paused_queues
    if pulse.paused:
        app.amqp.queues.deselect(pulse.paused)
        logger.info("paused: %s", ", ".join(sorted(pulse.paused)))


class CarryOutDecisions(bootsteps.StartStopStep):
    """Carry out, in the consumer's own event loop, what the thread has read. Starts with each connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        """Begin with the rounds."""
        self.timer = consumer.timer.call_repeatedly(CARRY_OUT_INTERVAL, self.carry_out, (consumer,))

    def stop(self, consumer: Any) -> None:
        """End the rounds."""
        if self.timer:
            self.timer.cancel()

    def carry_out(self, consumer: Any) -> None:
        """Make one round."""
        follow_pauses(consumer)
        end_cancelled(consumer)


def follow_pauses(consumer: Any) -> None:
    """Stop consuming the queues that are paused now, and consume those again that no longer are."""
    paused = decisions.paused_queues
    for queue in paused - pulse.paused:
        logger.info("the queue %s is paused", queue)
        consumer.cancel_task_queue(queue)
    for queue in pulse.paused - paused:
        logger.info("the queue %s is resumed", queue)
        queues = consumer.app.amqp.queues
        queues.select([*queues.consume_from, queue])  # or it would be forgotten at the next lost connection
        consumer.add_task_queue(queue)
    pulse.paused = paused


def end_cancelled(consumer: Any) -> None:
    """End the processes that run cancelled jobs."""
    if not decisions.cancelled:
        return
    for request in _cancelled(list(state.active_requests)):
        job = job_id(request.id)
        logger.info("ending the cancelled job %s %s", request.name, request.id)
        decisions.ended.add(job)  # before the signal that Celery sends, see revocations.py
        try:
            request.terminate(consumer.pool, signal=SIGNAL)
        except NotImplementedError:  # a pool of threads: the job ends by itself, and is not marked done
            decisions.ended.discard(job)


def _cancelled(requests: Iterable[Request]) -> list[Request]:
    return [
        request
        for request in requests
        if is_durable(request.task) and job_id(request.id) in decisions.cancelled - decisions.ended
    ]


current_app.steps["consumer"].add(CarryOutDecisions)
