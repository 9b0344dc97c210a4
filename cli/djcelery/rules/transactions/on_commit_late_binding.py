"""A lambda that is passed to `on_commit` uses the loop variable.

Why: All lambdas run after the loop, when the transaction commits, and all of them see the last value: one task is
sent many times and the others never.

Bad:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(orders):
        for order in orders:
            transaction.on_commit(lambda: index.delay(order.pk))

Good:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(orders):
        for order in orders:
            transaction.on_commit(lambda pk=order.pk: index.delay(pk))

Evidence: F07; Python's late binding, as in ruff's B023.

Ignore it when: the loop always stops after its first iteration.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC107"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield each on_commit(lambda) inside a loop whose targets the lambda reads."""
    for module in project.modules:
        for call in module.calls_to("on_commit"):
            if context.is_test(module.path):
                continue
            callback = call.value.items[0] if call.value.items else call.value.keywords.get("func")
            if callback is None or callback.kind != "lambda" or atomic_within_loop(module, call.block):
                continue
            if used := late_variable(module, call.block, callback):
                yield at(
                    module,
                    callback,
                    f"every lambda sees the last {used} of the loop; bind it with lambda {used}={used}: ...",
                )


def late_variable(module: Module, block: int, callback: Value) -> str:
    """Return the loop variable that the lambda reads late, if there is one."""
    targets = {
        name for outer in context.blocks_in_function(module, block) if outer.kind == "loop" for name in outer.names
    }
    return min(targets & set(callback.const or []), default="")


def atomic_within_loop(module: Module, block: int) -> bool:
    """Return whether a transaction opens and closes inside the loop, so that each lambda runs in its own iteration."""
    for outer in context.blocks_in_function(module, block):
        if outer.kind == "atomic":
            return True
        if outer.kind == "loop":
            return False
    return False
