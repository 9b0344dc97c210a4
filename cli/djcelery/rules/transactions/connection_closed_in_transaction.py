"""A database connection is closed inside a transaction.

Why: `close_old_connections()` does nothing inside a transaction, so a dead connection stays. `connection.close()` loses
the transaction: every later query in it raises. A durable task is one transaction unless it says otherwise.

Bad:
    from celery import shared_task
    from django.db import close_old_connections
    from djcelery_jobs import DurableTask

    @shared_task(base=DurableTask)
    def index(pk):
        close_old_connections()
        work(pk)

Good:
    from celery import shared_task
    from djcelery_jobs import DurableTask

    @shared_task(base=DurableTask)
    def index(pk):
        work(pk)

Evidence: X1; `close_if_unusable_or_obsolete` and `close` in Django's database wrapper.

Ignore it when: the connection belongs to another database, which has no open transaction.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Project, at

CODE = "DJC116"
SEVERITY = "error"
CLOSING = frozenset(
    "django.db.close_old_connections django.db.connections.close_all django.db.connection.close "
    "django.db.connection.close_if_unusable_or_obsolete django.db.transaction.get_connection().close".split()
)
LENIENT = frozenset({"close_old_connections", "close_if_unusable_or_obsolete"})


def find(project: Project) -> Iterator[Finding]:
    """Yield calls that close connections in a transaction; those that do nothing there are warnings."""
    for module in project.modules:
        for call in module.calls_of(CLOSING) if not context.is_test(module.path) else []:
            value = call.value
            if not is_in_transaction(project, module, call.block):
                continue
            if value.last in LENIENT:
                yield at(module, value, f"{value.last}() does nothing inside a transaction", severity="warning")
            else:
                yield at(module, value, f"{value.last}() inside a transaction makes every later query in it fail")


def is_in_transaction(project: Project, module: Module, block: int) -> bool:
    """Return whether a line runs in a transaction: in an atomic block, or in a durable task that is one."""
    if context.after_commit(module, block):
        return False
    if project.transaction_around(module, block) is not None:
        return True
    task, function = project.task_around(module, block), context.function_of(module, block)
    return task is not None and task.is_one_transaction and function is task.function
