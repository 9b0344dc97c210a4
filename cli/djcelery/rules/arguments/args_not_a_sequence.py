"""`args` is not a list or a tuple.

Why: `args=(pk)` is just pk in parentheses. A number raises TypeError, and a string becomes one argument per
character.

Bad:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=(pk))

Good:
    from celery import shared_task

    @shared_task
    def index(pk): ...

    def place(pk):
        index.apply_async(args=(pk,))

Evidence: F20, F21, reproduced on 5.7; openedx issue 21297.

Ignore it when: the name in the parentheses is already a list.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.facts import Module
from djcelery.rules._base import Finding, Fix, Project, Value, at, fix

CODE = "DJC207"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield args= of apply_async, signature, send_task and beat entries that are not a sequence."""
    values = [
        (site.module, site.value.keywords.get("args"))
        for site in project.sites
        if site.method in {"apply_async", "apply_async_on_commit", "signature", "send_task", "apply"}
    ]
    values += [(entry.module, entry.parts.get("args")) for entry in project.schedule]
    for module, value in values:
        if value is not None and is_no_sequence(value):
            yield at(module, value, "args must be a list or a tuple", fix=add_comma(module, value))


def is_no_sequence(value: Value) -> bool:
    """Return whether this is certainly not a sequence of arguments."""
    resolved = value.resolved
    if resolved.kind in {"const", "text"}:
        return resolved.const is not None or resolved.kind == "text"
    plural = value.name.endswith("s") or "args" in value.name
    return (
        value.in_parentheses
        and value.kind == "name"
        and resolved.kind not in {"list", "tuple", "comp", "op", "call"}
        and not plural
    )


def add_comma(module: Module, value: Value) -> Fix | None:
    """Return the fix that adds a comma, if the value is in parentheses."""
    if not value.in_parentheses:
        return None
    return fix(
        "add a comma to make it a tuple", module, (value.end_line, value.end_col, value.end_line, value.end_col, ",")
    )
