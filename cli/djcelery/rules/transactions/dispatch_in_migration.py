"""A migration sends a task.

Why: A migration runs in a transaction, often before the workers have the new code, and again on every new database
and in every test run.

Bad:
    # shop/migrations/0002_fill.py
    from shop.jobs import fill

    def forwards(apps, schema_editor):
        fill.delay()

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def fill(): ...

Good:
    # shop/management/commands/fill.py
    from shop.jobs import fill

    def handle():
        fill.delay()

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def fill(): ...

Evidence: F12. In one code base most of these sites were in a post_migrate handler, which is not a migration.

Ignore it when: the migration never runs on an empty database.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, Site, at

CODE = "DJC111"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in migration files, except in tasks and in receivers of signals, which run later."""
    for site in project.sites:
        if not context.is_migration(site.module.path) or not site.task or site.transaction is not None:
            continue
        if site.is_signature or site.method == "apply" or runs_later(project, site):
            continue
        yield at(site.module, site.value, f"{site.display_name} is sent by a migration")


def runs_later(project: Project, site: Site) -> bool:
    """Return whether a site runs after the migration: in a task, or in a receiver of a signal such as post_migrate."""
    if project.task_around(site.module, site.call.block) is not None:
        return True
    return site.function is not None and bool(context.signals_of(site.module, site.function))
