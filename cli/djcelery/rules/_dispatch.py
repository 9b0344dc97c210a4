"""Answer questions of the rules about dispatch."""

from __future__ import annotations

from djcelery.project import context
from djcelery.rules._base import Fix, Project, Site, Task, fix

ON_COMMIT_SINCE = (5, 4)
DEFERRED = {"delay": "delay_on_commit", "apply_async": "apply_async_on_commit"}


def on_commit_fix(project: Project, site: Site) -> Fix | None:
    """Return the fix from `.delay(x)` to `.delay_on_commit(x)`.

    It is safe if the task is known and has that method, nothing reads the result, and the method waits for the
    transaction at hand: it waits for the default database, and only in synchronous code.
    """
    deferred = DEFERRED.get(site.method)
    if deferred is None or site.sent_signature is not None or site.canvas or not site.call.value.root:
        return None
    title = f"use .{deferred}()"
    value = site.value
    if site.task is None or site.result_is_used or "()" in value.root or not value.dot_line:
        return Fix(title, safe=False)
    if is_customised(site.task) or not has_on_commit(project, site.task) or not waits_for_this(project, site):
        return Fix(title, safe=False)
    change = (value.dot_line, value.dot_col - len(site.method), value.dot_line, value.dot_col, deferred)
    return fix(title, site.module, change)


def has_on_commit(project: Project, task: Task) -> bool:
    """Return whether a task has `delay_on_commit`: Celery has it since 5.4, on the class for Django."""
    version = project.lowest_version("celery")
    return task.has_on_commit and (version is None or version >= ON_COMMIT_SINCE)


def waits_for_this(project: Project, site: Site) -> bool:
    """Return whether `delay_on_commit` would wait for the transaction that a site stands in."""
    if site.function is not None and site.function.is_async:
        return False
    return site.transaction is None or project.database_of(site.module, site.transaction) == "default"


def is_customised(task: Task) -> bool:
    """Return whether something may send or call the task in its own way."""
    return task.changes_calls or task.has_decorators_below or task.has_unknown_base


def in_model_signal(site: Site) -> str:
    """Return the model signal whose receiver contains the site, or an empty text."""
    function = site.function
    if function is None:
        return ""
    return min(context.signals_of(site.module, function) & context.MODEL_SIGNALS, default="")
