"""Show that this process still does its work: it touches a file, which a container's probe checks at no cost.

With HEARTBEAT_FILE set, a worker touches that file each second while its event loop turns and its channel consumes
every queue that it was started for, and beat touches it at each tick. A probe checks its age without starting Python:

    find "$HEARTBEAT_FILE" -mmin -0.5 | grep -q .

The file goes stale when the process hangs or is stopped, when a worker has lost a consumer, and when a worker receives
nothing while jobs wait for it (starvation.py). It stays fresh while the broker is down: a worker that looks for its
broker does what it can, and a restart would only end the jobs that it runs.
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
LISTED_JOBS = 50  # of those that run, at most


@dataclass
class Pulse:
    """Hold what the worker's event loop saw last; the reporter writes it to the database."""

    last_tick: float = 0.0  # on the monotonic clock
    assigned: frozenset[str] = frozenset()  # the queues that this worker was started for
    paused: frozenset[str] = frozenset()  # those of them that are paused, so that it does not consume them
    consumed: list[str] = field(default_factory=list)
    starved: bool = False  # jobs wait and do not reach it
    running: int = 0
    reserved: int = 0  # jobs that it has taken from the broker and not finished
    received: int = 0  # jobs that it has taken so far
    jobs: list[dict[str, Any]] = field(default_factory=list)
    fetched: dict[str, float] = field(default_factory=dict)  # by queue: since when the message taken last had waited

    @property
    def consuming(self) -> bool:
        """Return whether it consumes every queue that it was started for, but the paused, and receives what waits."""
        return bool(self.assigned) and self.assigned - self.paused <= set(self.consumed) and not self.starved

    def tick(self, consumed: Iterable[str]) -> None:
        """Note that the event loop turns and consumes these queues."""
        self.consumed = sorted(consumed)
        self._update()
        if self.consuming:
            liveness_file.touch()

    def mark_broker_unreachable(self) -> None:
        """Note that the event loop waits for the broker."""
        self.consumed = []
        self._update()
        liveness_file.touch()

    def _update(self) -> None:
        self.last_tick = time.monotonic()
        self.running, self.reserved = len(state.active_requests), len(state.reserved_requests)
        self.jobs = [_describe(request) for request, _ in zip(state.active_requests, range(LISTED_JOBS), strict=False)]


pulse = Pulse()


def _describe(request: Any) -> dict[str, Any]:
    queue = queue_of(request.delivery_info, request.name)
    return {"id": request.id, "task": request.name, "queue": queue, "started": request.time_start}


@task_received.connect(dispatch_uid="djcelery_jobs.worker.heartbeat.note_received")
def note_received(request: Any, **kwargs: Any) -> None:
    """Count a message that the worker took, and note since when it had waited."""
    pulse.received += 1
    if since := request.request_dict.get(WAITS_SINCE):
        pulse.fetched[queue_of(request.delivery_info, request.name)] = since


class HeartbeatStep(bootsteps.StartStopStep):
    """Tick in the consumer's own event loop, so that a loop which hangs does not tick. Starts with each connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        super().__init__(consumer, **kwargs)
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        """Start to tick, and note the queues that the worker was started for."""
        pulse.assigned = pulse.assigned or frozenset(consumer.app.amqp.queues.consume_from)
        self.timer = consumer.timer.call_repeatedly(TICK, self.tick, (consumer,))

    def tick(self, consumer: Any) -> None:
        """Look which queues the channel consumes now."""
        names = pulse.assigned | set(consumer.app.amqp.queues.consume_from)
        pulse.tick(name for name in names if consumer.task_consumer.consuming_from(name))

    def stop(self, consumer: Any) -> None:
        """Stop ticking."""
        if self.timer:
            self.timer.cancel()


current_app.steps["consumer"].add(HeartbeatStep)
