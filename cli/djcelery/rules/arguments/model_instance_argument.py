"""A model instance is passed to a task.

Why: JSON cannot serialize a model instance. With another serializer, the worker would work on the row as it was when
the task was sent, and could write that old state back.

Bad:
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def index(order): ...

    def place(pk):
        order = Order.objects.get(pk=pk)
        index.delay(order)

Good:
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def index(order_id): ...

    def place(pk):
        order = Order.objects.get(pk=pk)
        index.delay(order.pk)

Evidence: T3, F14. Celery's guide to tasks, "State"; EncodeError reproduced on 5.7.

Ignore it when: your own serializer converts instances to ids.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._arguments import custom_serializer, describe_instance
from djcelery.rules._base import Finding, Project, at

CODE = "DJC201"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield arguments that come straight from a manager or a signal, or are the model's self."""
    for site in project.sites:
        if site.task is None or custom_serializer(project, site):
            continue
        for value in site.arguments():
            if instance := describe_instance(project, site, value):
                yield at(
                    site.module,
                    value,
                    f"{site.display_name} is passed {instance}; pass its id and fetch the row in the task",
                )
