"""A task is sent inside a transaction that has not been committed.

Why: The worker may run before the commit and not find the row. After a rollback it still runs, for a row that never
existed.

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

Evidence: X1, F01. Celery's guide to tasks, "Database transactions". Measured: 74 % of the tasks that were sent 50 ms
before the commit found no row, and a transaction that rolled back still sent all of its tasks.

Ignore it when: the task reads nothing that the transaction writes, and running it after a rollback does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, OptionalSeverity, Project, at
from djcelery.rules._dispatch import on_commit_fix
from djcelery.rules._written import has_only_read

CODE = "DJC101"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites inside an atomic block or decorator of the same function.

    They are warnings if the base class of the task is unknown: some bases send on commit by themselves. They are hints
    if the transaction only reads, so that the worker misses nothing.
    """
    for site in project.sites:
        if site.seems_to_send and site.transaction is not None and (site.task or site.certain):
            message = f"{site.display_name} is sent inside a transaction, before the commit"
            severity: OptionalSeverity = "" if site.sends else "warning"
            if has_only_read(site):
                yield at(site.module, site.value, f"{message}, in which nothing is written", "hint")
            else:
                yield at(site.module, site.value, message, severity, on_commit_fix(project, site))
