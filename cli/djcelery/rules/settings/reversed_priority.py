"""A priority is used on Redis, which ignores or reverses it.

Why: On Redis, 0 is the highest priority; on RabbitMQ, it is the lowest. Redis has only four steps unless you set
more, and prefetching hides them.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], priority=9)

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"queue_order_strategy": "priority", "priority_steps": [0, 3, 6, 9]}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], priority=9)

Evidence: S2, F77; Celery's guide to routing.

Ignore it when: you intend this order, and the prefetch multiplier is 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC713"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield priority= if the broker is certainly Redis and no steps are set."""
    if not project.uses_redis:
        return
    for setting in project.settings_of("broker_transport_options"):
        pairs = project.resolve(setting.module, setting.value)
        if pairs.kind != "dict" or {"priority_steps", "queue_order_strategy"} & set(pairs.pairs()):
            return
    for site in project.sites:
        value = site.value.keywords.get("priority")
        if value is not None and not site.passes_arguments and isinstance(value.const, int):
            yield at(site.module, value, "on Redis, 0 comes first and 9 last, and only if priorities are configured")
    for task in project.own_tasks:
        value = task.options.get("priority")
        if value is not None and isinstance(value.const, int):
            yield at(task.module, value, "on Redis, 0 comes first and 9 last, and only if priorities are configured")
