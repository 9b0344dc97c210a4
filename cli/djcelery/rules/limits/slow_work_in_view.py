"""A view does work that a task should do.

Why: The user waits for it, and the web process serves nobody else in the meantime.

Bad:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/views.py
    import requests
    from shop.jobs import index

    def place(request, pk):
        requests.post("https://example.org", timeout=5)
        index.delay(pk)

Good:
    # shop/jobs.py
    from celery import shared_task

    @shared_task
    def index(pk): ...

    # shop/views.py
    from shop.jobs import index

    def place(request, pk):
        index.delay(pk)

Evidence: D3.

Ignore it when: the response needs the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project import context
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._outgoing import REQUESTS

CODE = "DJC513"
SEVERITY = "hint"
SLOW = REQUESTS | {
    "time.sleep",
    "urllib.request.urlopen",
    "django.core.mail.send_mail",
    "django.core.mail.send_mass_mail",
    "django.core.mail.mail_admins",
}


def find(project: Project) -> Iterator[Finding]:
    """Yield slow calls directly in a view of a module that uses Celery."""
    for module in project.modules:
        for call in module.calls_of(SLOW) if not context.is_test(module.path) else []:
            function = context.function_of(module, call.block)
            if function is not None and project.is_view(module, function):
                yield at(module, call.value, f"{call.value.last}() makes the request wait; move it to a task")
