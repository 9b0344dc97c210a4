"""An eta or expiry is a time without a zone.

Why: The worker takes it as its own zone or as UTC: the task runs hours early or late.

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

Ignore it when: everything runs in UTC, and will.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC211"
SEVERITY = "warning"
NAIVE = frozenset({"datetime.datetime.utcnow", "datetime.utcnow", "datetime.datetime.utcfromtimestamp"})
ZONED = frozenset({"datetime.datetime.now", "datetime.datetime.fromtimestamp", "datetime.datetime.today"})


def find(project: Project) -> Iterator[Finding]:
    """eta= and expires= made by datetime without a zone."""
    for site in project.sites:
        for keyword in ("eta", "expires"):
            value = site.value.named.get(keyword)
            if value is not None and naive(value) and site.method not in {"delay", "delay_on_commit"}:
                yield at(site.module, value, f"{keyword} has no time zone")


def naive(value: Value) -> bool:
    """Whether a time plainly has no zone; adding to it changes nothing about that."""
    seen = value.seen
    if seen.kind == "op" and seen.name in {"Add", "Sub"}:
        return any(naive(item) for item in seen.items)
    if seen.kind != "call":
        return False
    if seen.name in NAIVE:
        return True
    if seen.name in ZONED:
        return not seen.items[seen.last == "fromtimestamp" :] and not seen.named
    return seen.name == "datetime.datetime" and "tzinfo" not in seen.named and len(seen.items) < 8 and not seen.spread
