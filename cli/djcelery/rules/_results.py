"""Find the places that wait for a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from djcelery.project import context
from djcelery.project.facts import Call, Module
from djcelery.rules._base import Project, Site, Value

WAITING = frozenset({"get", "join", "wait", "join_native"})


@dataclass(slots=True)
class Wait:
    """Describe a call that waits for a result."""

    module: Module
    call: Call


def find_waits(project: Project) -> Iterator[Wait]:
    """Yield get() and similar calls on what is certainly the result of a task."""
    sent = {(site.module.path, site.value.line, site.value.col) for site in project.sites if sending(site)}
    for module in project.modules:
        for call in module.calls_to(*WAITING):
            receiver = call.value.receiver
            if receiver is not None and is_result(receiver.resolved, module, sent) and not context.is_test(module.path):
                yield Wait(module, call)


def sending(site: Site) -> bool:
    """Return whether a site certainly sends a task now."""
    return site.method in {"delay", "apply_async", "send_task"} and bool(site.task or site.certain)


def is_result(value: Value, module: Module, sent: set[tuple[str, int, int]]) -> bool:
    """Return whether a value is an AsyncResult, of a dispatch or made from an id."""
    if value.kind != "call":
        return False
    if value.name in {"celery.result.AsyncResult", "celery.result.GroupResult", "celery.result.ResultSet"}:
        return True
    return (module.path, value.line, value.col) in sent
