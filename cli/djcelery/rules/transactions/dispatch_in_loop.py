"""A loop sends one task per iteration.

Why: Each dispatch is a round trip to the broker. If one of them fails, some tasks have been sent and the others have
not.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def reindex(pks):
        for pk in pks:
            index.delay(pk)

Good:
    from celery import shared_task

    @shared_task
    def index(pks): ...

    def reindex(pks):
        index.delay(list(pks))

Evidence: F13.

Ignore it when: the loop is short, or each item needs retries of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC114"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in loops over data. A loop over a literal is short."""
    for site in project.sites:
        loop = context.enclosing_block(site.module, site.call.block, "loop")
        if site.sends and site.task is not None and loop is not None and loop.names:
            yield at(site.module, site.value, f"{site.display_name} is sent once per iteration of the loop")
