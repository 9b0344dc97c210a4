"""An eta or expires has no time zone.

Why: The worker interprets it in its own time zone or in UTC, so the task runs hours early or late.

Bad:
    from datetime import datetime

    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], eta=datetime(2030, 1, 1))

Good:
    from datetime import datetime, timezone

    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=[pk], eta=datetime(2030, 1, 1, tzinfo=timezone.utc))

Evidence: F25, reproduced on 5.7; ruff's DTZ005.

Ignore it when: everything runs in UTC and always will.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC211"
SEVERITY = "warning"
NAIVE = frozenset({"datetime.datetime.utcnow", "datetime.utcnow", "datetime.datetime.utcfromtimestamp"})
ZONED = frozenset({"datetime.datetime.now", "datetime.datetime.fromtimestamp", "datetime.datetime.today"})


def find(project: Project) -> Iterator[Finding]:
    """Yield eta= and expires= that are made by datetime without a time zone."""
    for site in project.sites:
        for keyword in ("eta", "expires"):
            value = site.value.keywords.get(keyword)
            if value is not None and is_naive(value) and not site.passes_arguments:
                yield at(site.module, value, f"{keyword} has no time zone")


def is_naive(value: Value) -> bool:
    """Return whether a time certainly has no time zone, even after something is added to it."""
    resolved = value.resolved
    if resolved.kind == "op" and resolved.name in {"Add", "Sub"}:
        return any(is_naive(item) for item in resolved.items)
    if resolved.kind != "call":
        return False
    if resolved.name in NAIVE:
        return True
    if resolved.name in ZONED:
        return not resolved.items[resolved.last == "fromtimestamp" :] and not resolved.keywords
    return (
        resolved.name == "datetime.datetime"
        and "tzinfo" not in resolved.keywords
        and len(resolved.items) < 8
        and not resolved.spreads_arguments
    )
