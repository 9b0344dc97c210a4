"""`apply_async` is passed an option that Celery does not know.

Why: Celery accepts a misspelt option and ignores it: no countdown, no queue, no expiry.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], countdwon=60)

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], countdown=60)

Evidence: F18, reproduced on 5.7.

Ignore it when: your own base class, router or before_task_publish handler reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import MESSAGE_OPTIONS
from djcelery.rules._base import Finding, Project, at, closest_typo

CODE = "DJC205"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield keywords that are not options; those that resemble no option are only hints."""
    for site in project.sites:
        if site.method not in {"apply_async", "apply_async_on_commit", "send_task"} or site.canvas:
            continue
        if site.task is None and site.method != "send_task":
            continue
        custom = site.task is not None and bool(site.task.bases)
        params = {param.name for param in (site.task.params or [])} if site.task else set()
        for keyword, value in site.value.keywords.items():
            if keyword == "key" and site.task is not None and site.task.is_durable:
                continue
            if keyword in MESSAGE_OPTIONS or keyword == "**" or (site.method == "send_task" and keyword == "name"):
                continue
            meant = closest_typo(keyword, MESSAGE_OPTIONS)
            if keyword in params:
                yield at(site.module, value, f"{keyword} is an argument of the task; pass it in args or kwargs")
            elif meant:
                yield at(site.module, value, f"unknown option {keyword}; did you mean {meant}?")
            elif not custom:
                yield at(site.module, value, f"unknown option {keyword}, which Celery ignores", severity="hint")
