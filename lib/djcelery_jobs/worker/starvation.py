"""A worker that believes to consume and gets nothing: its connection looks well, and jobs wait while it is idle."""

import time
from collections.abc import Iterable

from celery import current_app

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker.heartbeat import Pulse

PATIENCE = 2  # seconds for the broker's answer


class Hunger:
    """Whether what waits in a worker's queues does not reach it. Only a worker that holds nothing asks the broker.

    What RabbitMQ has put on the line to a worker, as many messages as its prefetch, does not count as waiting there.
    """

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.since: float | None = None
        self.received = 0

    def feel(self) -> None:
        """Look once more, and tell the pulse. To be called every few seconds."""
        idle = self.pulse.held == 0 and self.pulse.received == self.received
        self.received = self.pulse.received
        if idle and self.pulse.consumed and _something_waits(self.pulse.consumed):
            self.since = self.since or time.monotonic()
        else:
            self.since = None
        self.pulse.starved = self.since is not None and time.monotonic() - self.since >= jobs_settings.STARVED_AFTER


def _something_waits(consumed: Iterable[str]) -> bool:
    try:
        waiting = queue_lengths.broker.begin().result(timeout=PATIENCE)
    except Exception:  # noqa: BLE001  whatever it is, nobody can tell
        return False
    return any(waiting[name].messages for name in consumed if name in waiting and _is_shared(name))


def _is_shared(queue: str) -> bool:
    """RabbitMQ gives the jobs of an ordered queue to one worker, while the others stand by."""
    arguments = current_app.amqp.queues[queue].queue_arguments or {}
    return not arguments.get("x-single-active-consumer")
