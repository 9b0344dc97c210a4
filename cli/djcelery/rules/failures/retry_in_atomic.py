"""A task retries inside a transaction.

Why: retry() raises an exception, so the transaction is rolled back, including any record of the task's progress.

Bad:
    from celery import shared_task
    from django.db import transaction

    @shared_task(bind=True)
    def index(self, pk):
        with transaction.atomic():
            note_attempt(pk)
            if not ready(pk):
                raise self.retry(countdown=60)

Good:
    from celery import shared_task
    from django.db import transaction

    @shared_task(bind=True)
    def index(self, pk):
        with transaction.atomic():
            note_attempt(pk)
        if not ready(pk):
            raise self.retry(countdown=60)

Evidence: F41.

Ignore it when: the rollback is intended.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC408"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield retry() of the task itself in an atomic block of the same function."""
    for module, call, task in project.calls_in_tasks:
        params = task.function.params if task.function else []
        if call.value.last != "retry" or not task.bound or not params or call.value.root != params[0].name:
            continue
        if project.transaction_around(module, call.block) is not None:
            yield at(module, call.value, "retry() raises, which rolls back the transaction around it")
