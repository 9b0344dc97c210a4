"""RabbitMQ's own dead queues, emptied into the dead letters, so that there is one place to look."""

import logging

from celery import current_app
from django.utils import timezone
from kombu import Message

from . import dead_letters
from .models import UNFINISHED, Job
from .rabbitmq import dead_queue

logger = logging.getLogger(__name__)

AT_ONCE = 100  # messages of one queue in one pass


def drain() -> int:
    """Take what is in the dead queues. Returns how many messages. A durable job is published again or counted by its
    row; a plain one becomes a dead letter."""
    taken = 0
    with current_app.connection_for_read() as connection:
        for name in current_app.amqp.queues:
            queue = dead_queue(name)(connection.default_channel)
            queue.queue_declare()
            while taken < AT_ONCE and (message := queue.get()):
                _keep(message)
                message.ack()
                taken += 1
    return taken


def _keep(message: Message) -> None:
    task_id, name = message.headers.get("id", ""), message.headers.get("task", "")
    if Job.objects.filter(pk=task_id, state__in=UNFINISHED).update(publish_at=timezone.now()):
        return  # begin() knows how often its process died
    if Job.objects.filter(pk=task_id).exists() or name not in current_app.tasks:
        logger.warning("a dead message of %s %s needs nothing", name, task_id)
        return
    args, kwargs, _ = message.decode()
    reason = (message.headers.get("x-death") or [{}])[0].get("reason", "unknown")
    dead_letters.keep(current_app.tasks[name], task_id, args, kwargs, f"RabbitMQ gave it up: {reason}.")
