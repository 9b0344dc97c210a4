"""A countdown is longer than RabbitMQ lets a worker hold a message.

Why: RabbitMQ closes the channel of a consumer that does not acknowledge within 30 minutes, and the worker dies with
it.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "amqp://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def remind(pk): ...

    def place(pk):
        remind.apply_async(args=[pk], countdown=86400)

Good:
    # project/settings.py
    CELERY_BROKER_URL = "amqp://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def remind(pk): ...

    def place(pk):
        remind.apply_async(args=[pk], countdown=600)

Evidence: F57; Celery's guide to calling; celery issue 6760.

Ignore it when: consumer_timeout is higher, or quorum queues delay messages natively.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._durations import delay_seconds

CODE = "DJC511"
SEVERITY = "hint"
TIMEOUT = 1800


def find(project: Project) -> Iterator[Finding]:
    """Yield countdowns that are too long if the broker is certainly RabbitMQ."""
    if not project.brokers or not project.brokers <= {"amqp", "amqps", "pyamqp"}:
        return
    for site in project.sites:
        delay = site.value.keywords.get("countdown") or site.value.keywords.get("eta")
        seconds = (
            delay_seconds(project, site.module, delay) if delay is not None and not site.passes_arguments else None
        )
        if delay is not None and seconds is not None and seconds > TIMEOUT:
            yield at(
                site.module,
                delay,
                f"this waits {seconds:g} s, but RabbitMQ closes a worker's channel after {TIMEOUT} s",
            )
