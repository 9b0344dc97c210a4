"""A chord is used, but results are off.

Why: A chord counts the results of its members. Without a backend, or if a member ignores its result, the body never
runs.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_RESULT_BACKEND = "redis://localhost"

    # shop/tasks.py
    from celery import chord, shared_task

    @shared_task(ignore_result=True)
    def price(pk): ...

    @shared_task
    def done(results): ...

    def place(pks):
        chord([price.s(1), price.s(2)])(done.s())

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"
    CELERY_RESULT_BACKEND = "redis://localhost"

    # shop/tasks.py
    from celery import chord, shared_task

    @shared_task
    def price(pk): ...

    @shared_task
    def done(results): ...

    def place(pks):
        chord([price.s(1), price.s(2)])(done.s())

Evidence: F75; Celery's guide to canvas; celery issues 4207 and 5237.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.project.celery_names import SIGNING
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Value, at

CODE = "DJC710"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield members of a chord's header that ignore their results."""
    for module in project.modules:
        for call in module.calls_to("chord"):
            value = call.value
            if (
                value.name not in {"celery.chord", "celery.canvas.chord"}
                or not value.items
                or context.is_test(module.path)
            ):
                continue
            for member in members(value.items[0].resolved):
                task = (
                    project.task_at(module, member.root) if member.kind == "call" and member.last in SIGNING else None
                )
                if task is not None and task.is_on("ignore_result"):
                    yield at(
                        module,
                        member,
                        f"{member.root.rpartition('.')[2]} ignores its result, so the chord never completes",
                    )


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield every chord if the effective settings have no backend."""
    if running.settings["result_backend"] in {None, "", "disabled", "disabled://"}:
        for module in project.modules:
            for call in module.calls_to("chord"):
                if call.value.name in {"celery.chord", "celery.canvas.chord"} and not context.is_test(module.path):
                    yield at(module, call.value, "no result backend is set, so the chord never completes")


def members(header: Value) -> list[Value]:
    """Return the signatures in the header of a chord."""
    if header.kind == "call" and len(header.items) == 1 and header.items[0].resolved.kind in {"list", "tuple", "comp"}:
        header = header.items[0].resolved
    return [item.resolved for item in header.items]
