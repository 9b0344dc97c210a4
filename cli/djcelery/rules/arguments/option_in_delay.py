"""`.delay()` is passed an option for sending, but passes everything on to the task.

Why: `.delay(pk, countdown=60)` calls the task with countdown=60. That raises TypeError. If the task takes **kwargs,
nothing fails and nothing is delayed.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.delay(pk, countdown=60)

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], countdown=60)

Evidence: F17, reproduced on 5.7.

Ignore it when: the task takes a parameter of that name through **kwargs.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import TIMING_OPTIONS
from djcelery.rules._base import Finding, OptionalSeverity, Project, at

CODE = "DJC204"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield keywords of .delay() that Celery knows and the task does not.

    They are warnings if another decorator may take them."""
    for site in project.sites:
        params = site.task.likely_params if site.task else None
        if site.method not in {"delay", "delay_on_commit"} or params is None or site.sent_signature is not None:
            continue
        doubt: OptionalSeverity = "warning" if site.task is not None and site.task.has_decorators_below else ""
        names = {param.name for param in params}
        loose = any(param.kind == "kwarg" for param in params)
        for keyword, value in site.value.keywords.items():
            if keyword in TIMING_OPTIONS and keyword not in names:
                message = f"{keyword} is passed to the task, not to Celery; use apply_async(..., {keyword}=...)"
                yield at(site.module, value, message, severity="hint" if loose else doubt)
