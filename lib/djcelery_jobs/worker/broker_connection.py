"""Try to reach a broker that is down every few seconds, and stay alive to probes meanwhile."""

from collections.abc import Callable
from typing import Any

import kombu
from celery import current_app
from celery.signals import worker_init

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.worker.event_loop import EventLoop
from djcelery_jobs.worker.heartbeat import pulse


class BrokerConnection(kombu.Connection):
    """Connect with shorter pauses than kombu's, which grow to half a minute."""

    requires_hub = EventLoop  # where Celery looks for the class of the event loop

    def ensure_connection(self, *args: Any, callback: Callable[[], None] | None = None, **options: Any) -> Any:
        """Wait for the broker. Only the worker's own consumer passes a `callback`, which is called between tries."""
        if callback is None:
            return super().ensure_connection(*args, **options)

        def meanwhile() -> None:
            pulse.mark_broker_unreachable()
            callback()

        options.setdefault("interval_max", jobs_settings.BROKER_RECONNECT_INTERVAL)
        return super().ensure_connection(*args, callback=meanwhile, **options)


@worker_init.connect(dispatch_uid="djcelery_jobs.worker.broker_connection")
def use_in_worker(**kwargs: Any) -> None:
    """Let Celery create connections of this class: `AMQP.Connection` is where it looks for one."""
    current_app.amqp.Connection = BrokerConnection
