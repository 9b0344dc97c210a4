"""Write into the database that the worker is alive, what it runs, and what it has counted; read what people decided.

Threads of the main process do so, so that a database which hangs delays neither jobs nor the heartbeat file.
"""

import logging
import time
from datetime import datetime
from threading import Event, Thread
from typing import Any

from celery import bootsteps, current_app
from celery.signals import worker_shutdown
from django.db import Error as DatabaseError
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import pauses
from djcelery_jobs.core.worker_identity import worker_identity
from djcelery_jobs.models import Heartbeat, database
from djcelery_jobs.worker import operators, tallies
from djcelery_jobs.worker.heartbeat import pulse
from djcelery_jobs.worker.starvation import StarvationDetector

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 2  # seconds that a shutdown waits for the threads


class Reporter(bootsteps.StartStopStep):
    """Run the threads from the moment when the pool has forked until its last job has ended.

    Celery stops what it started last first, and this step starts after the pool. So the end of an orderly shutdown, and
    not `stop`, ends the threads: jobs may run until then, and are counted.
    """

    # A process that is forked while a thread holds a lock never gets that lock.
    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self.stopped = Event()
        self.threads: list[Thread] = []
        tallies.pipe.open()  # here, and not at the start: the children must inherit both
        pauses.board.open()

    def start(self, worker: Any) -> None:
        """Learn what is paused before anything is consumed, then start the threads."""
        self.started_at = timezone.now()
        pulse.assigned = frozenset(worker.app.amqp.queues.consume_from)
        operators.look()
        connections.close_all()  # the main process forks children, and must not share a connection with them
        operators.leave_paused_queues(worker.app)
        for work in (self.count, self.report, self.detect):
            thread = Thread(target=work, args=(worker,), daemon=True, name=work.__name__)
            thread.start()
            self.threads.append(thread)
        worker_shutdown.connect(self.end, sender=worker)

    def count(self, worker: Any) -> None:
        """Read what the children report, as soon as they do. A worker that leaves lets the read return."""
        while not self.stopped.wait(tallies.READ_PAUSE):
            tallies.pending.add(tallies.pipe.read(seconds=None))

    def report(self, worker: Any) -> None:
        """Read what people decided, all the time; write the heartbeat and the counts every few seconds."""
        written_at = -jobs_settings.REPORT_INTERVAL
        while not self.stopped.wait(operators.LOOK_INTERVAL):
            operators.look()
            if time.monotonic() - written_at >= jobs_settings.REPORT_INTERVAL:
                written_at = time.monotonic()
                _write(worker, self.started_at)

    def detect(self, worker: Any) -> None:
        """Look for messages that do not reach the worker, every few seconds. The broker may let it wait."""
        with StarvationDetector(pulse) as detector:
            while not self.stopped.wait(jobs_settings.REPORT_INTERVAL):
                detector.check()

    def stop(self, worker: Any) -> None:
        """Leave the threads to `end`, since jobs are still running."""

    def terminate(self, worker: Any) -> None:
        """End now, since the processes of the pool are about to be killed."""
        self.end(worker)

    def end(self, sender: Any, **kwargs: Any) -> None:
        """Stop the threads, write the last counts, and delete the heartbeat, once."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        tallies.pipe.unblock()
        for thread in self.threads:
            thread.join(STOP_TIMEOUT)
        tallies.pending.add(tallies.pipe.read(seconds=0))
        _leave(sender)


def _write(worker: Any, started_at: datetime) -> None:
    try:
        # An event loop that hangs is not alive, although this thread is.
        if time.monotonic() - pulse.last_tick < jobs_settings.STALE_AFTER:
            _write_heartbeat(worker, started_at)
        tallies.pending.write()
    except DatabaseError:
        logger.warning("no database; the counts are written later", exc_info=True)
        connections.close_all()
    else:
        database().close_if_unusable_or_obsolete()  # as Django does after a request: it is older than CONN_MAX_AGE
    finally:
        operators.close_unless_fork_safe()


def _write_heartbeat(worker: Any, started_at: datetime) -> None:
    seen = {
        "queues": sorted(pulse.assigned.union(pulse.consumed)),
        "consuming": pulse.consuming,
        "concurrency": worker.concurrency,
        "running": pulse.running,
        "jobs": pulse.jobs,
        "fetched": dict(pulse.fetched),
        "seen_at": Now(),
    }
    identity = worker_identity(worker.hostname)
    if not Heartbeat.objects.filter(pk=identity).update(**seen):
        Heartbeat.objects.create(worker=identity, started_at=started_at, **seen)


def _leave(worker: Any) -> None:
    """Write the last counts. A worker that shuts down in order deletes its heartbeat, so nobody misses it."""
    try:
        tallies.pending.write()
        Heartbeat.objects.filter(pk=worker_identity(worker.hostname)).delete()
    except DatabaseError:
        logger.warning("no database; the last counts are lost", exc_info=True)
    finally:
        connections.close_all()


current_app.steps["worker"].add(Reporter)
