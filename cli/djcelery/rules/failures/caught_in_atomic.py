"""A task catches every exception inside a transaction.

Why: After a database error the transaction is broken, and every later query in it raises TransactionManagementError.

Bad:
    from celery import shared_task
    from django.db import transaction
    from shop.models import Order

    @shared_task
    def index(pk):
        with transaction.atomic():
            try:
                Order.objects.create(pk=pk)
            except Exception as error:
                note(error)
            Order.objects.filter(pk=pk).update(indexed=True)

Good:
    from celery import shared_task
    from django.db import transaction
    from shop.models import Order

    @shared_task
    def index(pk):
        with transaction.atomic():
            try:
                with transaction.atomic():
                    Order.objects.create(pk=pk)
            except Exception as error:
                note(error)
            Order.objects.filter(pk=pk).update(indexed=True)

Evidence: F42; Django's guide to transactions, "Avoid catching exceptions inside atomic".

Ignore it when: nothing in the try block uses the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._failures import Handler, handlers

CODE = "DJC409"
SEVERITY = "warning"
WRITES = frozenset("create save update delete bulk_create bulk_update get_or_create update_or_create".split())


def find(project: Project) -> Iterator[Finding]:
    """Yield clauses for all or for database errors in an atomic block whose try block writes to the database."""
    for handler in handlers(project):
        database = any(
            name.endswith(("IntegrityError", "DatabaseError", "OperationalError")) for name in handler.block.names
        )
        if not (handler.broad or database) or handler.raises:
            continue
        if context.enclosing_block(handler.module, handler.block.parent, "atomic") is not None and writes(handler):
            yield at(
                handler.module,
                handler.block,
                "a database error breaks this transaction; use an inner atomic()",
            )


def writes(handler: Handler) -> bool:
    """Return whether the try block writes to the database without an atomic block of its own."""
    tried = handler.block.index
    for call in handler.tried:
        name = call.value.name
        if call.value.last not in WRITES or ("objects" not in name and call.value.last != "save"):
            continue
        inner = next(
            (block for block in context.blocks_in_function(handler.module, call.block) if block.kind == "atomic"), None
        )
        outer = handler.module.blocks[tried]
        if inner is None or inner.line < outer.line:
            return True
    return False
