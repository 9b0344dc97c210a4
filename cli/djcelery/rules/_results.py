"""What the rules about waiting share: the places that wait for a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.facts import Call, Module
from djcelery.rules._base import Project, Value

WAITING = frozenset({"get", "join", "wait", "join_native"})


@dataclass(slots=True)
class Wait:
    """A call that waits for a result."""

    module: Module
    call: Call


def waits(project: Project) -> Iterator[Wait]:
    """Yield get() and similar calls on what is certainly the result of a task."""
    sent = {(site.module.path, site.value.line, site.value.col) for site in project.sites if sending(site)}
    for module in project.modules:
        for call in module.called(*WAITING):
            held = call.value.recv
            if held is not None and is_result(held.seen, module, sent) and not context.is_test(module.path):
                yield Wait(module, call)


def sending(site: object) -> bool:
    """Tell whether a site certainly sends a task now."""
    method = getattr(site, "method", "")
    return method in {"delay", "apply_async", "send_task"} and bool(
        getattr(site, "task", None) or getattr(site, "certain", False)
    )


def is_result(held: Value, module: Module, sent: set[tuple[str, int, int]]) -> bool:
    """Tell whether a value is an AsyncResult, of a dispatch or made from an id."""
    if held.kind != "call":
        return False
    if held.name in {"celery.result.AsyncResult", "celery.result.GroupResult", "celery.result.ResultSet"}:
        return True
    return (module.path, held.line, held.col) in sent
