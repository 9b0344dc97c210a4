"""A task makes an HTTP request without a timeout.

Why: requests and urllib have no timeout by default. A server that accepts the connection and never answers blocks a
worker process indefinitely.

Bad:
    import requests
    from celery import shared_task

    @shared_task
    def fetch(url):
        requests.get(url)

Good:
    import requests
    from celery import shared_task

    @shared_task
    def fetch(url):
        requests.get(url, timeout=10)

Evidence: F50; Celery's guide to tasks.

Ignore it when: socket.setdefaulttimeout() is called in the worker.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at
from djcelery.rules._outgoing import REQUESTS

CODE = "DJC504"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield calls of requests and urlopen in the body of a task."""
    for module, call, _ in project.calls_in_tasks:
        value = call.value
        request = value.name in REQUESTS and "timeout" not in value.keywords
        urlopen = value.name == "urllib.request.urlopen" and "timeout" not in value.keywords and len(value.items) < 3
        if (request or urlopen) and not value.spreads_arguments:
            yield at(module, value, f"{value.last}() without a timeout may wait indefinitely")
