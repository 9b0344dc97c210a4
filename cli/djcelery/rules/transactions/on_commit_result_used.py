"""The return value of `delay_on_commit` is used.

Why: `delay_on_commit` returns None: nothing has been sent yet, so there is no id and no result.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(order):
        return index.delay_on_commit(order.pk).id

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(order):
        index.delay_on_commit(order.pk)

Evidence: F08; celery issue 8976; reproduced on 5.7.

Ignore it when: your own base class returns something.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC108"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield deferred dispatch whose return value is used for an attribute."""
    for site in project.sites:
        read = [use.partition(":")[2] for use in site.call.uses if use.startswith("attr:")]
        if (
            site.is_deferred
            and read
            and (site.task is None or not (site.task.changes_calls or site.task.has_decorators_below))
        ):
            yield at(site.module, site.value, f"{site.method}() returns None, which has no .{read[0]}")
