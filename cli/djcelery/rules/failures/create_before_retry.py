"""A task that may run twice creates a row without a unique key.

Why: A task with late acknowledgement runs again if its worker dies after the row was written. There are then two
rows.

Bad:
    from celery import shared_task
    from shop.models import Payment

    @shared_task(acks_late=True, reject_on_worker_lost=True)
    def pay(order_id):
        Payment.objects.create(order_id=order_id)

Good:
    from celery import shared_task
    from shop.models import Payment

    @shared_task(acks_late=True, reject_on_worker_lost=True)
    def pay(order_id):
        Payment.objects.get_or_create(order_id=order_id)

Evidence: T2, F46; measured: without a unique row that claims the work, 14 of 2,000 tasks took effect twice under kills.

Ignore it when: a unique constraint rejects the second row, or a second row does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC414"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield objects.create() in tasks with late acknowledgement."""
    for module, call, task in project.calls_in_tasks:
        if call.value.last == "create" and ".objects." in call.value.name and (task.is_on("acks_late")):
            yield at(module, call.value, "if this task runs again, it creates a second row")
