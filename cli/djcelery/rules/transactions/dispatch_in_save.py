"""A task is sent from save() or delete() of a model, form, serializer or admin.

Why: The caller may have a transaction open, and the Django admin always has one. The task may then run before the
commit.

Bad:
    from celery import shared_task
    from django.db import models

    @shared_task
    def index(pk): ...

    class Order(models.Model):
        def save(self, *args, **kwargs):
            super().save(*args, **kwargs)
            index.delay(self.pk)

Good:
    from celery import shared_task
    from django.db import models

    @shared_task
    def index(pk): ...

    class Order(models.Model):
        def save(self, *args, **kwargs):
            super().save(*args, **kwargs)
            index.delay_on_commit(self.pk)

Evidence: X1, F03.

Ignore it when: nothing ever saves it inside a transaction, including the admin.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._dispatch import on_commit_fix

CODE = "DJC103"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in methods that save."""
    for site in project.sites:
        if site.sends and site.transaction is None and site.task is not None and site.saves:
            message = f"{site.display_name} is sent while saving, when a transaction may be open"
            yield at(site.module, site.value, message, fix=on_commit_fix(project, site))
