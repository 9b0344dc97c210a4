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
        for call in module.calls_to("on_commit", "delay_on_commit"):
            if context.is_test(module.path):
                continue
            transactions = [block for block in context.blocks_in_function(module, call.block) if block.kind == "atomic"]
            if call.value.last == "on_commit" and "django.db.transaction" not in call.value.name:
                continue
            aliases = {database_alias(block) for block in transactions} - {None}
            using = call.value.keywords.get("using") or (call.value.items[1] if len(call.value.items) > 1 else None)
            alias_waited_for = "default" if using is None or call.value.last != "on_commit" else using.const
            if (
                transactions
                and len(aliases) == len(transactions)
                and alias_waited_for is not None
                and alias_waited_for not in aliases
            ):
                open_on = min(map(str, aliases))
                message = f"this waits for database {alias_waited_for!r}, but the transaction is on {open_on!r}"
                yield at(module, call.value, message)


def database_alias(block: Block) -> str | None:
    """Return the database alias of an atomic block, or None if it is unknown."""
    value = block.value
    if value is None or value.kind != "call":
        return "default"
    using: Value | None = value.keywords.get("using") or (value.items[0] if value.items else None)
    if using is None:
        return "default"
    return using.const if isinstance(using.const, str) else None
