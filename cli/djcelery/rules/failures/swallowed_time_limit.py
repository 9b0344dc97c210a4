"""A loop in a task catches every exception, including the soft time limit.

Why: SoftTimeLimitExceeded is an Exception. If the loop catches it, the loop continues until the hard limit kills the
process.

Bad:
    from celery import shared_task

    @shared_task(soft_time_limit=60)
    def index(pks):
        for pk in pks:
            try:
                work(pk)
            except Exception as error:
                report(pk, error)

Good:
    from celery import shared_task
    from celery.exceptions import SoftTimeLimitExceeded

    @shared_task(soft_time_limit=60)
    def index(pks):
        for pk in pks:
            try:
                work(pk)
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:
                report(pk, error)

Evidence: F38; perma issue 2032.

Ignore it when: the loop is short.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._failures import Handler, handlers

CODE = "DJC403"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield broad clauses in loops of tasks that have a soft limit."""
    everywhere = any(
        project.number(setting.module, setting.value) for setting in project.settings_of("task_soft_time_limit")
    )
    for handler in handlers(project):
        if handler.task.declared_by == "django" and not handler.task.is_durable:  # nothing interrupts it
            continue
        if not handler.broad or not handler.looped or handler.raises or not handler.tried:
            continue
        soft_limit = handler.task.number("soft_time_limit")
        if any("SoftTimeLimitExceeded" in name for name in handler.earlier) or not (soft_limit or everywhere):
            continue
        if not returns(handler):
            yield at(
                handler.module,
                handler.block,
                "this also catches SoftTimeLimitExceeded, and the loop continues",
                severity="" if soft_limit else "hint",
            )


def returns(handler: Handler) -> bool:
    """Return whether the clause returns, which ends the loop as well."""
    return any(statement.name.startswith("<return") for statement in handler.module.inside.raises(handler.index))
