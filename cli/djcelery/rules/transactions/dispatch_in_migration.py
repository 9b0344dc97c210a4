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
from djcelery.rules._base import Finding, Project, at

CODE = "DJC111"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in migration files."""
    for site in project.sites:
        in_migration = context.is_migration(site.module.path)
        if in_migration and not site.is_signature and site.method != "apply" and site.task and site.transaction is None:
            yield at(site.module, site.value, f"{site.display_name} is sent by a migration")
