"""A schedule entry has no expiry.

Why: Beat keeps sending while no worker runs. Afterwards everything that has piled up runs at once, including runs
that are out of date.

Bad:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: B1, F61; flake8-pie's PIE785. 86 of 89 entries in mature projects have none.

Ignore it when: every run matters, however late.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC603"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield entries whose options are known if neither they nor the task set expires."""
    for entry in project.schedule:
        options = entry.parts.get("options")
        resolved = project.resolve(entry.module, options) if options is not None else None
        if entry.testing or (
            resolved is not None and (resolved.kind != "dict" or any(key.kind != "const" for key in resolved.keys))
        ):
            continue
        expires = resolved is not None and {"expires", "expire_seconds"} & set(resolved.pairs())
        if not expires and not (entry.task and ("expires" in entry.task.options or entry.task.has_hidden_options)):
            yield at(entry.module, entry.value, f"runs of {entry.name!r} pile up while no worker runs; set expires")
