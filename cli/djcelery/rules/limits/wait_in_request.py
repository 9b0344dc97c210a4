"""A request handler waits for the result of a task.

Why: The user waits for the queue. If the workers are down, every web process hangs.

Bad:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    # shop/views.py
    from shop.jobs import price

    def show(request, pk):
        return price.delay(pk).get()

Good:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def price(pk): ...

    # shop/views.py
    from shop.jobs import price

    def show(request, pk):
        price.delay(pk)

Evidence: D2, F53.

Ignore it when: the view exists to test the workers.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._results import find_waits

CODE = "DJC507"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield get(), join() or wait() on a result in a view, receiver or save()."""
    for wait in find_waits(project):
        function = context.function_of(wait.module, wait.call.block)
        if function is None:
            continue
        signal = context.signals_of(wait.module, function) & context.MODEL_SIGNALS
        if project.is_view(wait.module, function) or project.is_saving(wait.module, function) or signal:
            yield at(wait.module, wait.call.value, "the request waits here until a worker has finished")
