"""Let every process that connects to the broker find our transports, whatever else it loads."""

from celery import Celery
from celery.app import amqp

from djcelery_jobs.brokers.options import register_transports


class AMQP(amqp.AMQP):
    """Connect by our transports: `Celery(..., amqp="djcelery_jobs:AMQP")`.

    A command of Celery's own that does not load Django's apps, such as `celery inspect`, would connect by kombu's, and
    look for RabbitMQ's queues by names without the project's prefix.
    """

    def __init__(self, app: Celery) -> None:
        register_transports()
        super().__init__(app)
