"""Detect a worker that is connected but receives nothing: its connection looks fine, and jobs wait while it is idle."""

import time
from collections.abc import Iterable

from celery import current_app

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker.heartbeat import Pulse

ANSWER_TIMEOUT = 2  # seconds for the broker's answer


class StarvationDetector:
    """Detect messages that wait in a worker's queues and do not reach it. Only an idle worker asks the broker.

    Messages that RabbitMQ has sent to a worker ahead of time, as many as its prefetch, do not count as waiting.
    """

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.since: float | None = None
        self.received = 0

    def check(self) -> None:
        """Look once more and update `pulse.starved`. Call it every few seconds."""
        idle = self.pulse.reserved == 0 and self.pulse.received == self.received
        self.received = self.pulse.received
        if idle and self.pulse.consumed and _messages_wait(self.pulse.consumed):
            self.since = self.since or time.monotonic()
        else:
            self.since = None
        self.pulse.starved = self.since is not None and time.monotonic() - self.since >= jobs_settings.STARVED_AFTER


def _messages_wait(consumed: Iterable[str]) -> bool:
    try:
        waiting = queue_lengths.shared_fetch.start().result(timeout=ANSWER_TIMEOUT)
    except Exception:  # noqa: BLE001  without an answer, nothing is known
        return False
    return any(waiting[name].messages for name in consumed if name in waiting and _is_shared(name))


def _is_shared(queue: str) -> bool:
    """Return False for an ordered queue: RabbitMQ gives its jobs to one worker while the others stand by."""
    arguments = current_app.amqp.queues[queue].queue_arguments or {}
    return not arguments.get("x-single-active-consumer")
