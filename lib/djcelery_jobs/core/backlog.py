"""Tell which of the due jobs still wait in the broker's queue, so that the relay does not multiply a long queue.

A job that waits behind others becomes due again and again, although the broker has lost nothing. Each copy of its
message makes the queue longer. So before it publishes, the relay compares what the broker holds with the rows.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import ledger
from djcelery_jobs.core.republish_delays import republish_delay
from djcelery_jobs.models import Heartbeat, Job

logger = logging.getLogger(__name__)

MOST = 10_000  # jobs that one early look brings forward
MARGIN = 5.0  # seconds by which two clocks, and a commit and its publishing, may be apart


@dataclass
class Backlog:
    """Compare what the broker holds of one queue with the jobs that wait for it.

    missing: jobs for which the queue can have no message, because it has fewer messages than jobs wait for it.
    oldest: no message in the queue is older, in seconds since 1970. None: unknown.
    """

    missing: int
    oldest: float | None


def measure(queues: Iterable[str]) -> dict[str, Backlog]:
    """Return the backlogs of these queues. An empty queue has none, and neither has one that cannot be looked at."""
    queues = list(queues)
    if not queues:
        return {}
    try:
        lengths = queue_lengths.fetch(queues)
    except Exception:
        logger.warning("the broker does not tell the length of its queues; every due job is published", exc_info=True)
        return {}
    return {
        queue: Backlog(ledger.count_at_broker(queue) - length.messages, length.since or _fetched_last(queue))
        for queue, length in lengths.items()
        if length.messages
    }


def to_publish(jobs: Iterable[Job], backlogs: dict[str, Backlog]) -> list[Job]:
    """Return those of the due jobs whose messages the broker does not hold, or may have lost."""
    chosen, waiting = [], defaultdict(list)
    for job in jobs:
        if job.queue in backlogs and ledger.is_at_broker(job):
            waiting[job.queue].append(job)
        else:
            chosen.append(job)
    for queue, queued in waiting.items():
        chosen += _not_in_queue(queued, backlogs[queue])
    return chosen


def _not_in_queue(jobs: list[Job], backlog: Backlog) -> list[Job]:
    # A queue is in order: the jobs that have waited longest are those whose messages have left it.
    jobs.sort(key=lambda job: job.waiting_since or job.created_at)
    passed = [job for job in jobs if _was_passed(job, backlog.oldest)]
    others = [job for job in jobs if not _was_passed(job, backlog.oldest)]
    return passed + others[: max(0, backlog.missing - len(passed))]


def _was_passed(job: Job, oldest: float | None) -> bool:
    """Return whether all messages that were in the queue at the relay's last look have left it since."""
    if oldest is None or job.publications == 0:
        return False
    last_look = job.publish_at - republish_delay(job.queue, job.publications - 1)
    return oldest > last_look.timestamp() + MARGIN


def _fetched_last(queue: str) -> float | None:
    """Return since when the newest message waited that a worker has taken. Older ones have left the queue before it."""
    workload = settings.WORKLOADS.get(queue)
    if workload is None or workload.kind == "priority":  # a message may overtake others there
        return None
    live = Heartbeat.objects.filter(seen_at__gt=Now() - timedelta(seconds=jobs_settings.STALE_AFTER))
    return max((heartbeat.fetched[queue] for heartbeat in live if queue in heartbeat.fetched), default=None)


class EarlyLook:
    """Let the relay look at once at jobs whose messages the broker has lost, however rarely it looks at them by now.

    Behind a long queue the relay looks at a job ever more rarely. When the broker then loses that queue, nobody should
    wait for the next look. Called at every tick of beat, it asks the broker only while there are such jobs, and at most
    every REPUBLISH_AFTER / 4 seconds; and brings a job forward at most every REPUBLISH_AFTER seconds.
    """

    def __init__(self) -> None:
        self.next_at = 0.0  # on the monotonic clock

    def __call__(self) -> int:
        """Return how many jobs were brought forward."""
        if time.monotonic() < self.next_at:
            return 0
        self.next_at = time.monotonic() + jobs_settings.REPUBLISH_AFTER / 4
        queues = ledger.queues_looked_at_rarely()
        if not queues:
            return 0
        try:
            lengths = queue_lengths.fetch(queues)
        except Exception:
            logger.warning("the broker does not tell the length of its queues", exc_info=True)
            return 0
        return sum(self._bring_forward(queue, lengths[queue].messages) for queue in queues)

    @staticmethod
    def _bring_forward(queue: str, messages: int) -> int:
        missing = ledger.count_at_broker(queue) - messages
        count = ledger.look_early(queue, min(missing, MOST)) if missing > 0 else 0
        if count:
            logger.warning("the queue %s holds %d messages too few; looking at %d jobs early", queue, missing, count)
        return count
