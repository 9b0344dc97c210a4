"""`on_commit` is passed the result of a call instead of a callable.

Why: The task is sent immediately, before the commit. Django then tries to call the result and raises TypeError.

Bad:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(order):
        transaction.on_commit(index.delay(order.pk))

Good:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(order):
        transaction.on_commit(lambda: index.delay(order.pk))

Evidence: X1, F06, reproduced on Celery 5.7.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at, fix

CODE = "DJC106"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield each dispatch that is the first argument of on_commit."""
    sent = {
        (site.module.path, site.value.line, site.value.col): site for site in project.sites if not site.is_signature
    }
    for module in project.modules:
        for call in module.calls_to("on_commit"):
            value = call.value
            if not value.items or context.is_test(module.path):
                continue
            callback = value.items[0]
            if callback.kind == "call" and (module.path, callback.line, callback.col) in sent:
                in_loop = context.enclosing_block(module, call.block, "loop") is not None
                place = (callback.line, callback.col, callback.line, callback.col)
                wrapped = fix("wrap it in a lambda", module, (*place, "lambda: "), safe=not in_loop)
                message = "the task is sent immediately, not on commit; pass on_commit a callable"
                yield at(module, callback, message, fix=wrapped)
