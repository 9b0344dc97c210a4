"""The worker's word in the database: that it lives, what it runs, and what it has counted.

Two threads of the main process, so that a database which hangs delays neither jobs nor the heartbeat.
"""

import logging
import time
from datetime import datetime
from threading import Event, Thread
from typing import Any

from celery import bootsteps, current_app
from django.db import Error as DatabaseError
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.models import Heartbeat
from djcelery_jobs.worker import tallies
from djcelery_jobs.worker.heartbeat import pulse
from djcelery_jobs.worker.starvation import Hunger

logger = logging.getLogger(__name__)

GOODBYE = 2  # seconds that a shutdown waits for the threads


class Reporter(bootsteps.StartStopStep):
    requires = {"celery.worker.components:Timer"}

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self.over = Event()
        self.threads: list[Thread] = []
        tallies.line.open()  # here, and not at the start: the children must inherit it

    def start(self, worker: Any) -> None:
        self.started_at = timezone.now()
        for work in (self.count, self.report):
            thread = Thread(target=work, args=(worker,), daemon=True, name=work.__name__)
            thread.start()
            self.threads.append(thread)

    def count(self, worker: Any) -> None:
        """Read what the children tell, all the time."""
        while not self.over.wait(tallies.PAUSE):
            tallies.book.add(tallies.line.read(seconds=1))

    def report(self, worker: Any) -> None:
        hunger = Hunger(pulse)
        while not self.over.wait(jobs_settings.REPORT_INTERVAL):
            hunger.feel()
            _write(worker, self.started_at)

    def stop(self, worker: Any) -> None:
        self.over.set()
        tallies.line.wake()
        for thread in self.threads:
            thread.join(GOODBYE)
        tallies.book.add(tallies.line.read(seconds=0))
        _leave(worker)

    terminate = stop


def _write(worker: Any, started_at: datetime) -> None:
    try:
        # A loop that hangs is not alive, whatever this thread is.
        if time.monotonic() - pulse.ticked < jobs_settings.STALE_AFTER:
            _beat(worker, started_at)
        tallies.book.write()
    except DatabaseError:
        logger.warning("no database; what was counted is written later", exc_info=True)
    finally:
        connections.close_all()  # the main process forks children, and must not share a connection with them


def _beat(worker: Any, started_at: datetime) -> None:
    seen = {
        "queues": pulse.consumed or sorted(pulse.meant),
        "consuming": pulse.consuming,
        "concurrency": worker.concurrency,
        "running": pulse.running,
        "jobs": pulse.jobs,
        "fetched": dict(pulse.fetched),
        "seen_at": Now(),
    }
    if not Heartbeat.objects.filter(pk=worker.hostname).update(**seen):
        Heartbeat.objects.create(worker=worker.hostname, started_at=started_at, **seen)


def _leave(worker: Any) -> None:
    """The last counts; and who leaves in order is not missed."""
    try:
        tallies.book.write()
        Heartbeat.objects.filter(pk=worker.hostname).delete()
    except DatabaseError:
        logger.warning("no database; what was counted last is lost", exc_info=True)
    finally:
        connections.close_all()


current_app.steps["worker"].add(Reporter)
