"""`self.retry()` is called without `raise`.

Why: retry() raises by itself, so the code after it never runs, but a reader cannot see that. In eager mode, or with
throw=False, the code does run.

Bad:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        try:
            work(pk)
        except OSError as error:
            self.retry(exc=error)

Good:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        try:
            work(pk)
        except OSError as error:
            raise self.retry(exc=error)

Evidence: F45; Celery's documentation of Task.retry.

Ignore it when: your team knows that it raises.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at, fix

CODE = "DJC413"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield retry() of the task itself as a statement."""
    for module, call, task in project.calls_in_tasks:
        params = task.function.params if task.function else []
        value = call.value
        if value.last != "retry" or call.uses != ["discard"] or not task.bound or "throw" in value.keywords:
            continue
        if params and value.root == params[0].name:
            change = fix("add raise", module, (value.line, value.col, value.line, value.col, "raise "))
            yield at(module, value, "retry() raises; add raise, so that readers see it", fix=change)
