"""Remember that the broker is down, so that of many requests only the first waits to find out."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery, current_app
from kombu import Producer

from djcelery_jobs.brokers import options
from djcelery_jobs.conf import jobs_settings

logger = logging.getLogger(__name__)


@contextmanager
def producer_from_pool() -> Iterator[Producer]:
    """Take a producer from the pool, and drop its connection at once when publishing fails.

    The pool would close the channel and the connection in an orderly way, and wait for both answers as long as for the
    publish itself.
    """
    with current_app.producer_or_acquire() as producer:
        try:
            yield producer
        except Exception:
            producer.connection.collect()
            raise


class Breaker:
    """Stay closed while the broker answers. Once opened, a thread looks for the broker and closes it again."""

    def __init__(self) -> None:
        self.closed = True
        self._lock = threading.Lock()

    def open(self) -> None:
        with self._lock:
            if not self.closed:
                return
            self.closed = False
        app = current_app._get_current_object()
        threading.Thread(target=self._close_when_it_answers, args=(app,), daemon=True, name="breaker").start()

    def _close_when_it_answers(self, app: Celery) -> None:
        while not answers(app):
            time.sleep(jobs_settings.BROKER_PROBE_INTERVAL)
        logger.warning("the broker answers again")
        self.closed = True


def answers(app: Celery) -> bool:
    """Return whether the broker accepts messages within a few seconds, and not only connections."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(
                max_retries=options.node_count(options.broker_url()), interval_start=0, timeout=2
            )
            # Declared and not only looked for: a broker that lost its data has no queue, and for Redis one that is
            # empty does not exist.
            channel = connection.channel()
            app.amqp.queues[app.conf.task_default_queue](channel).declare()
            if options.broker_kind() == "rabbitmq":
                # RabbitMQ in a memory or disk alarm declares queues but takes no message, and says so after the first.
                for _ in range(2):
                    connection.Producer(channel).publish("", routing_key="nobody.listens", retry=False)
    except Exception:  # noqa: BLE001  whatever it is, the broker is still down
        return False
    return True
