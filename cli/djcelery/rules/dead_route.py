"""A route matches no task.

Why: The task it was for goes to the default queue, behind whatever waits there.

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

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at, slip

CODE = "DJC803"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Patterns below a package of this code base; with the running app, all patterns."""
    registered = set((project.running or {}).get("tasks", []))
    for route in project.routes or []:
        pattern = route.pattern
        if registered:
            import fnmatch

            dead = not fnmatch.filter(registered, pattern)
        else:
            plain = pattern.partition("*")[0].rstrip(".")
            dead = (
                bool(plain) and project.first_party(plain) and not project.matches(pattern) and readable(project, plain)
            )
        if dead:
            meant = slip(pattern, project.tasks_by_name)
            yield at(
                route.module, route, f"no task is called {pattern}" + (f"; did you mean {meant}?" if meant else "")
            )


def readable(project: Project, plain: str) -> bool:
    """Whether the module the pattern names was read, or its package has no such module."""
    parts = plain.split(".")
    for cut in range(len(parts), 0, -1):
        module = project.names.module(".".join(parts[:cut]))
        if module is not None:
            return not module.trouble and not module.stars
    return False
