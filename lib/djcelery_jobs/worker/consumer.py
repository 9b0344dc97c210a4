"""The worker's consumer: what Celery would drop with a line in the log is kept or sent again."""

import logging
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from celery.worker import consumer, state
from celery.worker.request import Request
from django.db import DatabaseError, connections
from kombu import Connection

from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import dead_letters, ledger
from djcelery_jobs.core.task import is_durable
from djcelery_jobs.models import job_id
from djcelery_jobs.worker import process_pool
from djcelery_jobs.worker.heartbeat import pulse

logger = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
    def ensure_connected(self, conn: Connection) -> Connection:
        connect = conn.ensure_connection

        def patiently(*args: Any, callback: Callable[[], None], **options: Any) -> Connection:
            def meanwhile() -> None:
                pulse.mark_broker_unreachable()
                callback()

            return connect(*args, callback=meanwhile, interval_max=jobs_settings.BROKER_RECONNECT_INTERVAL, **options)

        conn.ensure_connection = patiently
        return super().ensure_connected(conn)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Messages that wait here for a free process are dropped now. RabbitMQ delivers them again at once, Redis after
        its visibility timeout, which may be an hour; what was on its way here it has forgotten. And where Celery ends
        the runs, they come back, and were cut off by no fault of theirs."""
        running = _durable(state.active_requests)
        waiting = _durable(request for request in state.reserved_requests if request not in state.active_requests)
        super().on_connection_error_after_connected(exc)
        if self.app.conf.worker_cancel_long_running_tasks_on_connection_loss:
            _tell(ledger.release, running, worker=self.hostname)
        _tell(ledger.publish_now, waiting)
        _tell(ledger.publish_oldest_now, list(self.app.amqp.queues.consume_from))
        process_pool.rewatch_lost_processes(self._processes)

    def on_ready(self) -> None:
        super().on_ready()
        process_pool.drain_finished_results(self._processes, self.hub)

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._keep(message, f"No task is called {exc}.")
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._keep(message, f"Its message is not valid: {exc}")
        super().on_invalid_task(body, message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._keep(message, f"Its arguments cannot be decoded: {exc}")
        super().on_decode_error(message, exc)

    @property
    def _processes(self) -> Any:
        return getattr(self.pool, "_pool", None)

    def _keep(self, message: Any, error: str) -> None:
        dead_letters.keep_message(message, error)
        connections.close_all()  # as below


def _durable(requests: Iterable[Request]) -> list[uuid.UUID]:
    return [job_id(request.id) for request in requests if is_durable(request.task)]


def _tell(change: Callable[..., None], names: Iterable[object], **options: Any) -> None:
    try:
        change(names, **options)
    except DatabaseError:
        logger.warning("the database is away too; the relay finds these jobs a little later", exc_info=True)
    connections.close_all()  # the main process forks children, and must not share a connection with them
