"""A worker that must leave before its jobs are done, as in each deploy, gives back what it ran."""

import logging
import time
from typing import Any

from celery import bootsteps, current_app
from django.db import Error as DatabaseError
from django.db import connections

from djcelery_jobs.core import ledger

logger = logging.getLogger(__name__)

NOTICED = 0.2  # seconds until the database has seen that a process is gone, and lets go of the row that it had locked


class GiveBack(bootsteps.StartStopStep):
    """Celery has ended the runs by then and gives their messages back. Without this, each deploy would count as one
    more kill of a long job. A step and not a signal: `worker_shutdown` is not sent when runs are cut off.

    Only `terminate`: a warm shutdown calls `stop` instead, and its jobs are still running then, to be finished."""

    requires = {"celery.worker.components:Pool"}

    def terminate(self, worker: Any) -> None:
        try:
            worker.pool.terminate()  # or a process that was just given a job would begin it unseen
            count = ledger.give_back_all(worker.hostname)
            time.sleep(NOTICED)
            count += ledger.give_back_all(worker.hostname)
            if count:
                logger.info("gave %d jobs back", count)
        except DatabaseError:
            logger.warning("no database; the relay finds the jobs that ran here a little later", exc_info=True)
        finally:
            connections.close_all()


current_app.steps["worker"].add(GiveBack)
