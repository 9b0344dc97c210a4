"""Release the jobs of a worker that must exit before they are done, as in each deploy."""

import logging
import time
from typing import Any

from celery import bootsteps, current_app
from django.db import Error as DatabaseError
from django.db import connections

from djcelery_jobs.core import ledger
from djcelery_jobs.core.worker_identity import worker_identity

logger = logging.getLogger(__name__)

# Seconds until the database has noticed that a process is gone and has released the row that it had locked.
LOCK_RELEASE = 0.2


class ReleaseRuns(bootsteps.StartStopStep):
    """Release the runs that Celery has cut off, so that a deploy does not count as a kill of each long job.

    Celery returns their messages itself. This is a step and not a signal, because `worker_shutdown` is not sent when
    runs are cut off. It acts on `terminate` only: a warm shutdown calls `stop`, and its jobs still run to their end.
    """

    requires = ("celery.worker.components:Pool",)

    def terminate(self, worker: Any) -> None:
        """End the processes, then release what they ran."""
        try:
            worker.pool.terminate()  # or a process that was just given a job would begin it unseen
            identity = worker_identity(worker.hostname)
            count = ledger.release_all(identity)
            time.sleep(LOCK_RELEASE)
            count += ledger.release_all(identity)
            if count:
                logger.info("released %d jobs", count)
        except DatabaseError:
            logger.warning("no database; the relay finds the jobs that ran here a little later", exc_info=True)
        finally:
            connections.close_all()


current_app.steps["worker"].add(ReleaseRuns)
