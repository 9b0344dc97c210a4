"""Do in a worker what people decided: leave paused queues alone, and end the runs of cancelled jobs.

A thread of the main process reads the decisions twice a second, in one statement. When there is something to carry out,
it asks the worker's event loop for a round, because only the loop may talk to the broker and to the pool. The loop
turns at least once a second (heartbeat.TICK). So a running job ends within two seconds on the prefork pool. A pool that
cannot end one job alone lets it go on, and its end is not counted: the statement that would mark it done refuses.
"""

import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from celery import Celery, bootsteps, current_app
from celery.worker import state
from celery.worker.request import Request
from django.db import Error as DatabaseError
from django.db import connections

from djcelery_jobs.core import ledger, pauses
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import PauseKind, database, job_id
from djcelery_jobs.worker.heartbeat import pulse

logger = logging.getLogger(__name__)

LOOK_INTERVAL = 0.5  # seconds between two looks at the database
CARRY_OUT_INTERVAL = 0.25  # seconds between two rounds of an event loop that no thread can ask for one
SIGNAL = "SIGKILL"  # what is stuck in a library hears no other; the database rolls back


@dataclass
class Decisions:
    """Hold what the thread has read last, for the event loop.

    cancelled: jobs that somebody has cancelled and that are not ended yet.
    ended: those of them whose processes this worker has ended, until the row says so.
    is_known: the last look succeeded.
    wake: asks the event loop for a round. None while it makes rounds of its own, or has no connection.
    """

    paused: frozenset[pauses.Name] = frozenset()
    cancelled: frozenset[uuid.UUID] = frozenset()
    ended: set[uuid.UUID] = field(default_factory=set)
    is_known: bool = True
    wake: Callable[[], None] | None = None

    @property
    def are_open(self) -> bool:
        """Return whether the event loop has something to carry out."""
        return self.paused_queues != pulse.paused or not self.cancelled <= self.ended

    @property
    def paused_queues(self) -> frozenset[str]:
        """Return the paused queues among those that this worker was started for."""
        return frozenset(queue for queue in pulse.assigned if (PauseKind.QUEUE, queue) in self.paused)


decisions = Decisions()


# -- In the thread


def look() -> None:
    """Read what is paused and cancelled. Without the database, what was known last goes on to hold."""
    try:
        decisions.paused, decisions.cancelled = read()
        pauses.board.write(decisions.paused)
        for ended in [*decisions.ended]:
            _finish(ended)
        decisions.is_known = True
    except DatabaseError:
        if decisions.is_known:
            logger.warning("no database; pauses and cancellations are read later", exc_info=True)
        decisions.is_known = False
        connections.close_all()
    finally:
        close_unless_fork_safe()
    if decisions.wake and decisions.are_open:
        decisions.wake()


READ = """
    SELECT "kind", "name", NULL FROM "djcelery_jobs_pause"
    UNION ALL SELECT NULL, NULL, "job" FROM "djcelery_jobs_cancellation"
"""


def read() -> tuple[frozenset[pauses.Name], frozenset[uuid.UUID]]:
    """Return what is paused, and the jobs that are cancelled and have not ended."""
    with database().cursor() as cursor:
        cursor.execute(READ)
        rows = cursor.fetchall()
    paused = frozenset((kind, name) for kind, name, job in rows if job is None)
    return paused, frozenset(job_id(job) for _, _, job in rows if job is not None)


def close_unless_fork_safe() -> None:
    """Close the connection that a thread of the main process has used, unless it is to PostgreSQL.

    That one may stay open: its client knows in which process it was opened, and does not close it in a child that the
    main process forks meanwhile.
    """
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
        """Make a round when the thread asks for it. The loops of gevent and eventlet cannot be asked: they go round."""
        if consumer.hub is None:
            self.timer = consumer.timer.call_repeatedly(CARRY_OUT_INTERVAL, self.carry_out, (consumer,))
        else:
            decisions.wake = partial(consumer.hub.call_soon, self.schedule, consumer)

    def schedule(self, consumer: Any) -> None:
        """Make one round as a timer, whose errors are logged. Other errors in the event loop end the worker."""
        if decisions.wake:
            self.timer = consumer.timer.call_after(0, self.carry_out, (consumer,))

    def stop(self, consumer: Any) -> None:
        """End the rounds."""
        decisions.wake = None
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
