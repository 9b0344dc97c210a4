"""Tell rules about queues which are used, and which are consumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from djcelery.project.facts import Module
from djcelery.rules._base import Project


def consumed_queues(project: Project) -> set[str] | None:
    """Return the queues that the workers in infrastructure files consume, or None if some are unknown."""
    workers = [process for process in project.processes if process.role == "worker"]
    workers += project.script_workers if workers else []
    if not workers or any(worker.queues is None or worker.has_variables for worker in workers):
        return None
    return {queue for worker in workers for queue in worker.queues or []}


def used_queues(project: Project) -> Iterator[tuple[str, Module, Any]]:
    """Yield every place that names a queue for a task."""
    for route in project.routes or []:
        if route.queue:
            yield route.queue, route.module, route
    for task in project.own_tasks:
        value = task.options.get("queue")
        if value is not None and (name := project.text(task.module, value)):
            yield name, task.module, value
    for site in project.sites:
        value = site.value.keywords.get("queue")
        if value is not None and not site.passes_arguments and (name := project.text(site.module, value)):
            yield name, site.module, value
    for entry in project.schedule:
        options = entry.parts.get("options")
        value = project.resolve(entry.module, options).pairs().get("queue") if options is not None else None
        if value is not None and (name := project.text(entry.module, value)):
            yield name, entry.module, value
