"""Let every process that connects to the broker find our transports, whatever else it loads."""

from celery import Celery
from celery.app import amqp

from djcelery_jobs.brokers.options import register_transports


class AMQP(amqp.AMQP):
    """Connect through the library's transports: `Celery(..., amqp="djcelery_jobs:AMQP")`.

    Commands of Celery that do not load Django's apps, such as `celery inspect`, would otherwise use kombu's transports.
    On RabbitMQ, these look for queues whose names lack the project's prefix.
    """

    def __init__(self, app: Celery) -> None:
        register_transports()
        super().__init__(app)
