"""Publish again what the broker did not take or has lost, and what has become due.

Beat calls relay() at every tick at which a job is due. Several calls at once do no harm: each takes rows that no other
has locked.
"""

import logging
import random
from collections import defaultdict
from collections.abc import Iterable

from djcelery_jobs.core import backlog, ledger, outbox
from djcelery_jobs.models import Job, atomic

logger = logging.getLogger(__name__)


def relay(limit: int = ledger.BATCH) -> int:
    """Look at the jobs that are due, `limit` at most, and publish those that the broker does not hold.

    Return how many were due; when that is `limit`, there may be more.
    """
    if not outbox.breaker.closed:
        return 0
    due = ledger.count_due()
    if not due:
        return 0
    backlogs = backlog.measure(queue for queue, at_broker in due.items() if at_broker)
    with atomic():
        jobs = ledger.lock_due(limit)
        sendable = [job for job in jobs if _is_sendable(job)]
        ledger.count_publication(sendable)
    chosen = backlog.to_publish(sendable, backlogs)
    # After the commit: a kill in between costs one more wait, the other order would publish what is not yet due.
    if published := sum(map(outbox.publish, _by_queue(chosen))):
        logger.info("relay: published %d jobs", published)
    return len(jobs)


def _by_queue(jobs: Iterable[Job]) -> list[list[Job]]:
    """Return the jobs of each queue, the queues in random order.

    RabbitMQ may accept nothing for one queue while it serves all others. When publishing fails, the queues that are
    left wait for the next pass. If the broken queue always came first, they would wait forever.
    """
    by_queue = defaultdict(list)
    for job in jobs:
        by_queue[job.queue].append(job)
    return random.sample([*by_queue.values()], len(by_queue))


def _is_sendable(job: Job) -> bool:
    """Return whether a locked job can be published now. If not, it is due again later, or dead."""
    if reason := outbox.reason_unsendable(job):
        ledger.postpone_unsendable(job, reason)
        return False
    return ledger.take_turn(job)
