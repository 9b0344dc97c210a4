"""A task fetches a row without expecting that it may be gone.

Why: The row can be deleted between sending and running. The task then fails with DoesNotExist, and retries do not
bring the row back.

Bad:
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def index(pk):
        order = Order.objects.get(pk=pk)
        work(order)

Good:
    from celery import shared_task
    from shop.models import Order

    @shared_task
    def index(pk):
        order = Order.objects.filter(pk=pk).first()
        if order is not None:
            work(order)

Evidence: T4, F44.

Ignore it when: the row is never deleted, or its absence is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Call, Module
from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC412"
SEVERITY = "hint"
CATCHING = ("DoesNotExist", "ObjectDoesNotExist", "Exception", "Http404", "BaseException")


def find(project: Project) -> Iterator[Finding]:
    """Yield Model.objects.get() with an argument of the task, outside of any try block that handles its absence."""
    for module, call, task in project.calls_in_tasks:
        value = call.value
        if value.last != "get" or ".objects." not in value.name or not (value.keywords or value.items):
            continue
        if guarded(module, call) or "DoesNotExist" in str(task.options.get("throws", Value("other")).items):
            continue
        if any(argument.resolved.kind == "param" for argument in [*value.keywords.values(), *value.items]):
            yield at(module, value, "the row may have been deleted; handle DoesNotExist")


def guarded(module: Module, call: Call) -> bool:
    """Return whether a try block around it handles a missing row."""
    return any(
        block.kind == "try" and any(not name or name.endswith(CATCHING) for name in block.names)
        for block in context.blocks_in_function(module, call.block)
    )
