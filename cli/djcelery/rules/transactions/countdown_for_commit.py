"""A short countdown is used to wait for a commit.

Why: A few seconds hide the race on an idle machine. Under load the commit takes longer, and after a rollback the task
still runs.

Bad:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/views.py
    from shop.jobs import index

    def place(request):
        index.apply_async(args=[1], countdown=5)

Good:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/views.py
    from shop.jobs import index

    def place(request):
        index.delay_on_commit(1)

Evidence: F10; used as the fix for a race in three public projects.

Ignore it when: the delay has another purpose, such as batching changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._dispatch import in_model_signal

CODE = "DJC110"
SEVERITY = "hint"
LONGEST = 15


def find(project: Project) -> Iterator[Finding]:
    """Yield short countdowns where a transaction may be open."""
    for site in project.sites:
        countdown = site.value.keywords.get("countdown")
        seconds = project.number(site.module, countdown)
        if (
            countdown is None
            or seconds is None
            or site.passes_arguments
            or not 0 < seconds <= LONGEST
            or not site.sends
        ):
            continue
        view = site.function is not None and site.in_view
        if site.transaction is not None or in_model_signal(site) or site.saves or view:
            yield at(
                site.module, countdown, f"a countdown of {seconds:g} s does not wait for the commit; use on_commit"
            )
