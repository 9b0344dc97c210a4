"""A task sleeps.

Why: It occupies a worker process while it does nothing. `retry(countdown=...)` or `apply_async(countdown=...)` frees
the process.

Bad:
    import time

    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        time.sleep(30)
        work(pk)

Good:
    from celery import shared_task

    @shared_task(bind=True)
    def index(self, pk):
        if not ready(pk):
            raise self.retry(countdown=30)
        work(pk)

Evidence: F51; celery issue 6760.

Ignore it when: the pause is short and rare.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC505"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield time.sleep() in the body of a task. Less than a second is a hint."""
    for module, call, _ in project.calls_in_tasks:
        if call.value.name == "time.sleep":
            seconds = project.number(module, call.value.items[0]) if call.value.items else None
            short = seconds is not None and seconds < 1
            yield at(module, call.value, "sleeping occupies a worker process", severity="hint" if short else "")
