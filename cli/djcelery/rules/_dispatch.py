"""What the rules about dispatch share."""

from __future__ import annotations

from djcelery.project import context
from djcelery.rules._base import Fix, Site, Task, fix

DEFERRED = {"delay": "delay_on_commit", "apply_async": "apply_async_on_commit"}


def on_commit_fix(site: Site) -> Fix | None:
    """Return the fix from `.delay(x)` to `.delay_on_commit(x)`.

    It is safe if the task is known and nothing reads the result."""
    deferred = DEFERRED.get(site.method)
    if deferred is None or site.sent_signature is not None or site.canvas or not site.call.value.root:
        return None
    title = f"use .{deferred}()"
    value = site.value
    if site.task is None or site.result_is_used or is_customised(site.task) or "()" in value.root or not value.dot_line:
        return Fix(title, safe=False)
    change = (value.dot_line, value.dot_col - len(site.method), value.dot_line, value.dot_col, deferred)
    return fix(title, site.module, change)


def is_customised(task: Task) -> bool:
    """Tell whether something may send or call the task in its own way."""
    return task.changes_calls or task.has_decorators_below or task.has_unknown_base


def in_model_signal(site: Site) -> str:
    """Return the model signal whose receiver contains the site, or an empty text."""
    function = site.function
    if function is None:
        return ""
    return min(context.signals_of(site.module, function) & context.MODEL_SIGNALS, default="")
