"""A task is sent inside a transaction that has not been committed.

Why: The worker may run before the commit and find no row, or after a rollback and work on a row that never was.

Bad:
    from django.db import transaction

    from shop.jobs import reserve

    def place(order):
        with transaction.atomic():
            order.save()
            reserve.delay(order.pk)

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def reserve(order_id): ...

Good:
    from django.db import transaction

    from shop.jobs import reserve

    def place(order):
        with transaction.atomic():
            order.save()
            reserve.delay_on_commit(order.pk)

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def reserve(order_id): ...

Evidence: X1, F01. Celery's guide to tasks, "Database transactions". Measured: sent 50 ms before the commit, 74 % of
the
tasks found no row; a transaction that rolled back still sent all of its tasks.

Ignore it when: the task reads nothing that the transaction writes, and running it after a rollback does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, OptionalSeverity, Project, at
from djcelery.rules._dispatch import on_commit_fix

CODE = "DJC101"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Dispatch sites with an atomic block or decorator around, in the same function.

    A warning where the base class of the task cannot be seen: a few send on commit by themselves.
    """
    for site in project.sites:
        if site.seems_to_send and site.transaction is not None and (site.task or site.certain):
            message = f"{site.shown} is sent inside a transaction, before the commit"
            severity: OptionalSeverity = "" if site.sends else "warning"
            yield at(site.module, site.value, message, severity, on_commit_fix(site))
