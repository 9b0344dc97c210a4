"""A task is sent from AppConfig.ready().

Why: ready() runs in every process that starts Django: each web process, each `migrate`, each test run, and Celery's
own workers.

Bad:
    # shop/apps.py
    from django.apps import AppConfig

    class ShopConfig(AppConfig):
        def ready(self):
            from shop.jobs import warm
            warm.delay()

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def warm(): ...

Good:
    # shop/apps.py
    from django.apps import AppConfig

    class ShopConfig(AppConfig):
        def ready(self):
            from shop import signals

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def warm(): ...

Evidence: F12.

Ignore it when: the task is cheap and an extra run does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at

CODE = "DJC113"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites directly in ready() of an AppConfig."""
    for site in project.sites:
        function = site.function
        cls = context.class_of(site.module, function)
        if function is None or cls is None or function.name != "ready" or not site.sends or site.task is None:
            continue
        if any(project.inherits_from(site.module, base, ("AppConfig",)) for base in cls.bases):
            yield at(site.module, site.value, f"every process that starts Django sends {site.display_name}")
