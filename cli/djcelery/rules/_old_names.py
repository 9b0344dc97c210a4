"""Tell which versions of Celery read the names of settings from before Celery 4 below a namespace."""

from __future__ import annotations

from djcelery.rules._base import Project

READ_SINCE = (5, 7)
READ_UNTIL = (6,)


def ignores_old_names(project: Project) -> bool:
    """Return whether the Celery at hand certainly ignores old names below a namespace."""
    version = project.lowest_version("celery")
    return version is not None and not READ_SINCE <= version < READ_UNTIL
