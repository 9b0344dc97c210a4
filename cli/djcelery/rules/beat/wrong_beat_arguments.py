"""A schedule entry passes arguments that its task does not accept.

Why: Beat does not check them. Every run fails with TypeError in the worker.

Bad:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "args": [1, 2], "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    CELERY_BEAT_SCHEDULE = {
        "index": {"task": "shop.tasks.index", "schedule": 60, "args": [1], "options": {"expires": 50}},
    }

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: B1, F22.

Ignore it when: a decorator changes the parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting
from djcelery.rules._signature import mismatch

CODE = "DJC606"
SEVERITY = "error"
RUNTIME_ONLY = True


def find(project: Project) -> Iterator[Finding]:
    """Yield entries whose task and arguments are known and do not match."""
    for entry in project.schedule:
        params = entry.task.params if entry.task else None
        if params is None or entry.value.kind != "dict":
            continue
        args, kwargs = entry.parts.get("args"), entry.parts.get("kwargs")
        positional = project.resolve(entry.module, args) if args is not None else None
        named = project.resolve(entry.module, kwargs) if kwargs is not None else None
        if positional is not None and (
            positional.kind not in {"list", "tuple"} or any(item.kind == "star" for item in positional.items)
        ):
            continue
        if named is not None and (named.kind != "dict" or any(key.kind != "const" for key in named.keys)):
            continue
        problem = mismatch(
            params,
            len(positional.items) if positional else 0,
            {str(key.const) for key in named.keys} if named else set(),
        )
        if problem:
            yield at(entry.module, entry.value, f"{entry.task_name} {problem}")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield effective entries that do not match the registered signatures."""
    places = {place.name: place for place in project.schedule if not place.testing}
    for entry in running.schedule.values():
        task = running.tasks.get(entry.task)
        if (
            task is None
            or task.params is None
            or not (problem := mismatch(task.params, entry.arg_count, entry.kwarg_names))
        ):
            continue
        place = places.get(entry.name)
        message = f"{entry.task} {problem}"
        if place is not None:
            yield at(place.module, place.value, message)
        else:
            yield at_setting(project, "beat_schedule", f"entry {entry.name}: {message}")
