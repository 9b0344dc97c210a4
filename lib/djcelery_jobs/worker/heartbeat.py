"""Does this process still do its work? A file says so to a container's probe, at no cost.

With HEARTBEAT_FILE set, a worker touches that file each second while its event loop turns and its channel
consumes every queue that it was started for, and beat touches it at each tick. A probe looks at its age and starts no
Python:

    find "$HEARTBEAT_FILE" -mmin -0.5 | grep -q .

The file goes stale when the process hangs or is stopped, when a worker has lost a consumer, and when it gets nothing
while jobs wait for it (hunger.py). It does not while the broker is away: a worker that looks for it does what it can,
and a restart would only end the jobs that it runs.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from celery import bootsteps, current_app
from celery.signals import task_received
from celery.worker import state

from djcelery_jobs.brokers.queue_lengths import WAITS_SINCE, queue_of
from djcelery_jobs.core import liveness_file

TICK = 1  # second
JOBS_TOLD = 50  # of those that run, at most


@dataclass
class Pulse:
    """What the worker's event loop saw last; the reporter writes it down."""

    ticked: float = 0.0  # on the monotonic clock
    meant: frozenset[str] = frozenset()  # the queues that this worker was started for
    consumed: list[str] = field(default_factory=list)
    starved: bool = False  # jobs wait and do not reach it
    running: int = 0
    held: int = 0  # jobs that it has taken from the broker and not finished
    received: int = 0  # jobs that it has taken so far
    jobs: list[dict[str, Any]] = field(default_factory=list)
    fetched: dict[str, float] = field(default_factory=dict)

    @property
    def consuming(self) -> bool:
        return bool(self.meant) and self.meant <= set(self.consumed) and not self.starved

    def tick(self, consumed: Iterable[str]) -> None:
        """The event loop turns, and these queues are consumed."""
        self.consumed = sorted(consumed)
        self._beat()
        if self.consuming:
            liveness_file.touch()

    def away(self) -> None:
        """The event loop waits for the broker."""
        self.consumed = []
        self._beat()
        liveness_file.touch()

    def _beat(self) -> None:
        self.ticked = time.monotonic()
        self.running, self.held = len(state.active_requests), len(state.reserved_requests)
        self.jobs = [_told(request) for request, _ in zip(state.active_requests, range(JOBS_TOLD), strict=False)]


pulse = Pulse()


def _told(request: Any) -> dict[str, Any]:
    queue = queue_of(request.delivery_info, request.name)
    return {"id": request.id, "task": request.name, "queue": queue, "started": request.time_start}


@task_received.connect(dispatch_uid="djcelery_jobs.worker.heartbeat.fetched")
def fetched(request: Any, **kwargs: Any) -> None:
    pulse.received += 1
    if since := request.request_dict.get(WAITS_SINCE):
        pulse.fetched[queue_of(request.delivery_info, request.name)] = since


class Ticking(bootsteps.StartStopStep):
    """In the consumer's own event loop, so that nothing ticks which does not turn. Begins anew with each connection."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        pulse.meant = pulse.meant or frozenset(consumer.app.amqp.queues.consume_from)
        self.timer = consumer.timer.call_repeatedly(TICK, self.tick, (consumer,))

    def tick(self, consumer: Any) -> None:
        names = pulse.meant | set(consumer.app.amqp.queues.consume_from)
        pulse.tick(name for name in names if consumer.task_consumer.consuming_from(name))

    def stop(self, consumer: Any) -> None:
        if self.timer:
            self.timer.cancel()


current_app.steps["consumer"].add(Ticking)
