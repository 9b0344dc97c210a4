"""A task is sent when a module is imported.

Why: Every process that imports the module sends the task again: each web process, management command and test run.

Bad:
    from celery import shared_task

    @shared_task
    def warm(): ...

    warm.delay()

Good:
    from celery import shared_task

    @shared_task
    def warm(): ...

    def deploy():
        warm.delay()

Evidence: F12.

Ignore it when: the module is a script that nothing imports. Guard it with `if __name__ == "__main__"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC112"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites outside of functions."""
    for site in project.sites:
        if site.sends and site.task is not None and context.at_import(site.module, site.call.block):
            yield at(site.module, site.value, f"importing this module sends {site.display_name}")
