"""A task is sent with arguments that it does not accept.

Why: `.delay()` raises TypeError in the caller. With `typing=False`, or if the task is sent by name, the message is
sent and fails in the worker.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.delay(pk, "now")

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.delay(pk)

Evidence: F22; Celery's guide to tasks, "Argument checking".

Ignore it when: a decorator changes the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.celery_names import TIMING_OPTIONS
from djcelery.rules._base import Finding, OptionalSeverity, Project, Site, at
from djcelery.rules._signature import mismatch

CODE = "DJC208"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield calls whose arguments do not match the signature.

    They are warnings if another decorator may change the signature."""
    for site in project.sites:
        params = site.task.likely_params if site.task else None
        if params is None or site.sent_signature is not None or site.canvas or site.is_signature:
            continue
        seen = arguments(site)
        if seen is None:
            continue
        doubt: OptionalSeverity = "warning" if site.task is not None and site.task.has_decorators_below else ""
        if problem := mismatch(params, *seen, whole=not doubt):
            yield at(site.module, site.value, f"{site.display_name} {problem}", doubt)


def arguments(site: Site) -> tuple[int, set[str]] | None:
    """Return how many arguments are positional and which are passed by name, or None if some are unknown."""
    if site.passes_arguments:
        if site.value.spreads_arguments or set(site.value.keywords) & TIMING_OPTIONS:
            return None
        return len(site.value.items), set(site.value.keywords)
    if site.value.spreads_arguments:
        return None
    args, kwargs = site.packed_args(), site.packed_kwargs()
    if args is not None and (args.kind not in {"list", "tuple"} or any(item.kind == "star" for item in args.items)):
        return None
    if kwargs is not None and (kwargs.kind != "dict" or any(key.kind != "const" for key in kwargs.keys)):
        return None
    return len(args.items) if args else 0, {str(key.const) for key in kwargs.keys} if kwargs else set()
