"""An option for sending is given to `.delay()`, which passes everything to the task.

Why: `.delay(pk, countdown=60)` calls the task with countdown=60: a TypeError, or with **kwargs silence and no delay.

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

Ignore it when: the task has a parameter of that name, taken by **kwargs.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import TIMING_OPTIONS
from djcelery.rules._base import Finding, OptionalSeverity, Project, at

CODE = "DJC204"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Keywords of .delay() that Celery knows and the task does not; a warning where another decorator may take them."""
    for site in project.sites:
        params = site.task.likely_params if site.task else None
        if site.method not in {"delay", "delay_on_commit"} or params is None or site.signed is not None:
            continue
        doubt: OptionalSeverity = "warning" if site.task is not None and site.task.decorated else ""
        names = {param.name for param in params}
        loose = any(param.kind == "kwarg" for param in params)
        for keyword, value in site.value.named.items():
            if keyword in TIMING_OPTIONS and keyword not in names:
                message = f"{keyword} goes to the task and not to Celery; use apply_async(..., {keyword}=...)"
                yield at(site.module, value, message, severity="hint" if loose else doubt)
