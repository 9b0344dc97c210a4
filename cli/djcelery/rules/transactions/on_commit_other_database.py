"""`on_commit` waits for a different database than the transaction around it.

Why: Without `using`, `on_commit` uses the default database. That has no open transaction, so the callback runs
immediately.

Bad:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(order):
        with transaction.atomic(using="archive"):
            transaction.on_commit(lambda: index.delay(order.pk))

Good:
    from celery import shared_task
    from django.db import transaction

    @shared_task
    def index(pk): ...

    def place(order):
        with transaction.atomic(using="archive"):
            transaction.on_commit(lambda: index.delay(order.pk), using="archive")

Evidence: F09; sentry issue 89284.

Ignore it when: a transaction on the default database is open as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Block
from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC109"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield on_commit and deferred dispatch inside atomic(using=...) of another alias."""
    for module in project.modules:
        for call in module.called("on_commit", "delay_on_commit"):
            if context.is_test(module.path):
                continue
            around = [each for each in context.near(module, call.block) if each.kind == "atomic"]
            if call.value.last == "on_commit" and "django.db.transaction" not in call.value.name:
                continue
            wanted = {alias(each) for each in around} - {None}
            given = call.value.named.get("using") or (call.value.items[1] if len(call.value.items) > 1 else None)
            own = "default" if given is None or call.value.last != "on_commit" else given.const
            if around and len(wanted) == len(around) and own is not None and own not in wanted:
                yield at(
                    module,
                    call.value,
                    f"this waits for database {own!r}, but the transaction is on {min(map(str, wanted))!r}",
                )


def alias(block: Block) -> str | None:
    """Return the database alias of an atomic block, or None if it is unknown."""
    value = block.value
    if value is None or value.kind != "call":
        return "default"
    given: Value | None = value.named.get("using") or (value.items[0] if value.items else None)
    if given is None:
        return "default"
    return given.const if isinstance(given.const, str) else None
