"""A feature of RabbitMQ is used on Redis.

Why: Redis ignores the arguments of queues: it has no quorum queues, no dead-lettering, no message TTL and no native
priorities. Nothing fails, but the guarantee that you asked for does not exist.

Bad:
    # project/settings.py
    from kombu import Queue

    CELERY_BROKER_URL = "redis://localhost"
    CELERY_TASK_QUEUES = [Queue("fast", queue_arguments={"x-dead-letter-exchange": "dead"})]

Good:
    # project/settings.py
    from kombu import Queue

    CELERY_BROKER_URL = "amqp://localhost"
    CELERY_TASK_QUEUES = [Queue("fast", queue_arguments={"x-dead-letter-exchange": "dead"})]

Evidence: S2; Celery's guide to routing, "RabbitMQ Message Priorities" and "Redis Message Priorities".

Ignore it when: the same settings are also used with RabbitMQ.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Value, at
from djcelery.rules._running import at_setting

CODE = "DJC813"
SEVERITY = "warning"
ARGUMENTS = frozenset(
    "x-queue-type x-dead-letter-exchange x-dead-letter-routing-key x-message-ttl x-expires x-max-length "
    "x-max-priority x-single-active-consumer x-delivery-limit x-overflow".split()
)
REDIS = frozenset({"redis", "rediss", "sentinel", "valkey"})


def find(project: Project) -> Iterator[Finding]:
    """Yield queue arguments and settings for RabbitMQ if every broker URL is for Redis."""
    if not project.uses_redis:
        return
    for setting in project.settings_of("task_queues"):
        for queue in project.resolve(setting.module, setting.value).items:
            for key in arguments(project.resolve(setting.module, queue)):
                yield at(setting.module, key, f"Redis ignores {key.const}")
    for setting in project.settings_of("task_default_queue_type"):
        if project.text(setting.module, setting.value) == "quorum":
            yield at(setting.module, setting, "Redis has no quorum queues")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield effective queue arguments and settings for RabbitMQ if the broker is Redis."""
    if running.broker not in REDIS:
        return
    for name, queue_arguments in running.queues.items():
        for key in sorted(ARGUMENTS & set(queue_arguments)):
            yield at_setting(project, "task_queues", f"Redis ignores {key} of queue {name}")
    if running.settings["task_default_queue_type"] == "quorum":
        yield at_setting(project, "task_default_queue_type", "Redis has no quorum queues")


def arguments(queue: Value) -> list[Value]:
    """Return the keys of a queue's arguments that only RabbitMQ knows."""
    queue_arguments = queue.keywords.get("queue_arguments") if queue.kind == "call" and queue.last == "Queue" else None
    return (
        [key for key in queue_arguments.resolved.keys if key.const in ARGUMENTS] if queue_arguments is not None else []
    )
