"""A task is sent from a receiver of a model signal.

Why: The receiver cannot know whether a transaction is open. The admin wraps every save in one, and so does any caller
that uses `atomic`. The task is then sent before the commit.

Bad:
    from celery import shared_task
    from django.db.models.signals import post_save
    from django.dispatch import receiver

    @shared_task
    def index(pk): ...

    @receiver(post_save, sender="shop.Order")
    def saved(sender, instance, **kwargs):
        index.delay(instance.pk)

Good:
    from celery import shared_task
    from django.db.models.signals import post_save
    from django.dispatch import receiver

    @shared_task
    def index(pk): ...

    @receiver(post_save, sender="shop.Order")
    def saved(sender, instance, **kwargs):
        index.delay_on_commit(instance.pk)

Evidence: X1, F02. The most common true finding in eight mature projects: 65 sites.

Ignore it when: the signal is only sent outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._dispatch import in_model_signal, on_commit_fix

CODE = "DJC102"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in receivers of Django's model signals."""
    for site in project.sites:
        if not site.sends or site.transaction is not None or site.task is None:
            continue
        if signal := in_model_signal(site):
            message = f"{site.display_name} is sent in a {signal} receiver, which may run inside a transaction"
            yield at(site.module, site.value, message, fix=on_commit_fix(project, site))
