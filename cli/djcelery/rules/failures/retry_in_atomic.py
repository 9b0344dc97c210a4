"""A task retries inside a transaction.

Why: retry() raises, so the transaction is rolled back: also what the task wrote to remember how far it came.

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

Ignore it when: the rollback is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC408"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """retry() of the task itself in an atomic block of the same function."""
    for module, call, task in project.task_calls:
        params = task.function.params if task.function else []
        if call.value.last != "retry" or not task.bound or not params or call.value.root != params[0].name:
            continue
        if context.transaction_of(module, call.block) is not None:
            yield at(module, call.value, "retry() raises here, and the transaction around is rolled back")
