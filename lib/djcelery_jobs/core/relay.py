"""Publish again what the broker did not take or has lost, and what has become due.

Beat calls relay() at every tick. Several calls at once do no harm: each takes rows that no other has locked.
"""

import logging

from django.db import transaction

from djcelery_jobs.core import ledger, outbox

logger = logging.getLogger(__name__)


def relay(limit: int = ledger.BATCH) -> int:
    """Publish the jobs that are due, `limit` at most. Return how many; when that is `limit`, there may be more."""
    if not outbox.breaker.closed:
        return 0
    with transaction.atomic():
        jobs = ledger.lock_due(limit)
        reasons = {job.pk: outbox.reason_unsendable(job) for job in jobs}
        sendable = [job for job in jobs if not reasons[job.pk]]
        ledger.count_publication(sendable)
        for job in jobs:
            if reasons[job.pk]:
                ledger.postpone_unsendable(job, reasons[job.pk])
    # After the commit: a kill in between costs one more wait, the other order would publish what is not yet due.
    outbox.publish(sendable)
    if sendable:
        logger.info("relay: published %d jobs", len(sendable))
    return len(jobs)
