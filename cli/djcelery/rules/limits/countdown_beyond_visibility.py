"""A countdown is longer than the visibility timeout on Redis.

Why: A worker holds the message until the countdown ends. After the visibility timeout (one hour by default), Redis
gives the message to another worker as well, so the task runs twice or more.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def remind(pk): ...

    def place(pk):
        remind.apply_async(args=[pk], countdown=86400)

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 90000}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def remind(pk): ...

    def place(pk):
        remind.apply_async(args=[pk], countdown=86400)

Evidence: X2, F54; Celery's guide to calling and to Redis, "Caveats"; celery issues 2599, 2481, 3270.

Ignore it when: running twice does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._broker import visibility
from djcelery.rules._durations import delay_seconds

CODE = "DJC509"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield countdowns and etas that are too long if the broker is certainly Redis and the timeout is known."""
    timeout = visibility(project)
    if timeout is None or not project.uses_redis:
        return
    for module in project.modules:
        for call in module.calls_to("apply_async", "apply_async_on_commit", "retry", "send_task"):
            value = call.value
            if context.is_test(module.path):
                continue
            delay = value.keywords.get("countdown") or value.keywords.get("eta")
            seconds = delay_seconds(project, module, delay) if delay is not None else None
            if delay is not None and seconds is not None and seconds > timeout:
                yield at(
                    module,
                    delay,
                    f"{seconds:g} s exceeds the visibility timeout of {timeout:g} s, so Redis delivers it again",
                )
