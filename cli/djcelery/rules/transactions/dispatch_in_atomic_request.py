"""A view sends a task while ATOMIC_REQUESTS makes every request a transaction.

Why: With ATOMIC_REQUESTS, Django commits after the view returns, so a plain `.delay()` in a view sends the task too
early.

Bad:
    # shop/settings.py
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def reserve(order_id): ...

    # shop/views.py
    from shop.jobs import reserve

    def place(request):
        reserve.delay(1)

Good:
    # shop/settings.py
    DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}

    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def reserve(order_id): ...

    # shop/views.py
    from shop.jobs import reserve

    def place(request):
        reserve.delay_on_commit(1)

Evidence: X1, F04.

Ignore it when: the task reads nothing that the request writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._dispatch import on_commit_fix

CODE = "DJC104"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in views if DATABASES enables ATOMIC_REQUESTS."""
    if atomic_requests(project):
        yield from in_views(project)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the same sites if the effective DATABASES enables it."""
    if running.atomic_requests:
        yield from in_views(project)


def in_views(project: Project) -> Iterator[Finding]:
    """Yield dispatch sites in views, except for views that opt out."""
    for site in project.sites:
        function = site.function
        if function is None or not site.sends or site.task is None or site.transaction is not None or site.saves:
            continue
        exempt = any("non_atomic_requests" in value.name for value in function.decorators)
        if site.in_view and not exempt:
            message = f"{site.display_name} is sent in a view, but ATOMIC_REQUESTS commits after the view returns"
            yield at(site.module, site.value, message, fix=on_commit_fix(project, site))


def atomic_requests(project: Project) -> bool:
    """Return whether a database certainly enables ATOMIC_REQUESTS."""
    for setting in project.settings_of("DATABASES"):
        for database in project.resolve(setting.module, setting.value).items:
            option = project.resolve(setting.module, database).pairs().get("ATOMIC_REQUESTS")
            if option is not None and option.const is True:
                return True
        if setting.item_key is not None and setting.item_key.const == "ATOMIC_REQUESTS" and setting.value.const is True:
            return True
    return False
