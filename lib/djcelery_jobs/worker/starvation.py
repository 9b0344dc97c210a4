"""Detect a worker that is connected but receives nothing: its connection looks fine, and jobs wait while it is idle."""

import time
from typing import Self

from celery import current_app
from django.conf import settings

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker.heartbeat import Pulse


class StarvationDetector:
    """Detect messages that wait in a worker's queues and do not reach it. Only an idle worker asks the broker.

    Messages that RabbitMQ has sent to a worker ahead of time, as many as its prefetch, do not count as waiting.
    """

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.since: float | None = None
        self.received = 0
        self.reader = queue_lengths.LengthReader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.close()

    def check(self) -> None:
        """Look once more and update `pulse.starved`. Call it every few seconds."""
        idle = self.pulse.reserved == 0 and self.pulse.received == self.received
        self.received = self.pulse.received
        if idle and self.pulse.consumed and self._messages_wait():
            self.since = self.since or time.monotonic()
        else:
            self.since = None
        self.pulse.starved = self.since is not None and time.monotonic() - self.since >= jobs_settings.STARVED_AFTER
        if not idle or self.since:
            self.reader.close()  # jobs wait or run: ask over a new connection next time, since a kept one may mislead

    def _messages_wait(self) -> bool:
        try:
            waiting = self.reader.fetch(filter(_is_shared, self.pulse.consumed))
        except Exception:  # noqa: BLE001  without an answer, nothing is known
            return False
        return any(length.messages for length in waiting.values())


def _is_shared(queue: str) -> bool:
    """Return False for an ordered queue: RabbitMQ gives its jobs to one worker while the others stand by."""
    arguments = current_app.amqp.queues[queue].queue_arguments or {}
    return queue in settings.WORKLOADS and not arguments.get("x-single-active-consumer")
