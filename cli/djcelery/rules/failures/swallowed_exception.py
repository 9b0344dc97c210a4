"""A task catches every exception and continues as if nothing had happened.

Why: The state is SUCCESS: there is no retry, no failure event and no alert. The work is lost and nobody knows.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk):
        try:
            work(pk)
        except Exception:
            pass

Good:
    from celery import shared_task

    @shared_task(autoretry_for=(OSError,), retry_backoff=True)
    def index(pk):
        work(pk)

Evidence: D4, F36. The second most common true finding in eight mature projects: 58.

Ignore it when: the failure is recorded where somebody looks, or the work may be lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, OptionalSeverity, Project, at
from djcelery.rules._failures import handlers

CODE = "DJC401"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield broad clauses that only log.

    They are hints in a loop, where one item of many may be skipped, and where they tidy up as well.
    """
    for handler in handlers(project):
        if not handler.broad or handler.raises or handler.returns:
            continue
        if not handler.only_logs and not handler.only_tidies:
            continue
        name = handler.task.function.name if handler.task.function else handler.task.name
        severity: OptionalSeverity = "" if handler.main and handler.tried and handler.only_logs else "hint"
        yield at(handler.module, handler.block, f"{name} ends with SUCCESS even if this fails", severity=severity)
