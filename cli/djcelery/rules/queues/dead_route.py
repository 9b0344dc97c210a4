"""A route matches no task.

Why: The task that it was meant for goes to the default queue and waits behind whatever is there.

Bad:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.indx": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Good:
    # project/settings.py
    CELERY_TASK_ROUTES = {"shop.tasks.index": {"queue": "slow"}}

    # shop/tasks.py
    from celery import shared_task

    @shared_task
    def index(pk=None): ...

Evidence: C1, F73.

Ignore it when: the task is in another code base.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator

from djcelery.project.routes import Route
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at, closest_typo

CODE = "DJC803"
SEVERITY = "warning"
RUNTIME_ONLY = True


def find(project: Project) -> Iterator[Finding]:
    """Yield patterns in packages of this code base that match no task."""
    for route in project.routes or []:
        prefix = route.pattern.partition("*")[0].rstrip(".")
        if (
            prefix
            and project.is_first_party(prefix)
            and not project.matches_any_task(route.pattern)
            and is_readable(project, prefix)
        ):
            yield dead_route(route, project.tasks_by_name)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield patterns that match no registered task."""
    for route in project.routes or []:
        if not fnmatch.filter(running.registered, route.pattern):
            yield dead_route(route, running.registered)


def dead_route(route: Route, names: Iterable[str]) -> Finding:
    """Return the finding for a route, with the closest task if it may be a typo."""
    meant = closest_typo(route.pattern, names)
    message = f"no task is named {route.pattern}" + (f"; did you mean {meant}?" if meant else "")
    return at(route.module, route, message)


def is_readable(project: Project, prefix: str) -> bool:
    """Return whether the module that the pattern names is fully known."""
    parts = prefix.split(".")
    for cut in range(len(parts), 0, -1):
        module = project.names.module(".".join(parts[:cut]))
        if module is not None:
            return not module.read_error and not module.stars
    return False
