"""The broker is one that Celery no longer has.

Why: The Django and SQLAlchemy database transports are gone or experimental: the worker does not start, or loses
messages.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "django://"

Good:
    # project/settings.py
    CELERY_BROKER_URL = "redis://localhost"

Evidence: F85.

Ignore it when: the project stays on Celery 3.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.project import texts_of
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting

CODE = "DJC708"
SEVERITY = "error"
GONE = ("django://", "couchdb://", "beanstalk://", "librabbitmq://")


def find(project: Project) -> Iterator[Finding]:
    """Broker URLs with a transport that is gone."""
    for setting in project.setting("broker_url"):
        for text in texts_of(project.resolve(setting.module, setting.value)):
            if text.startswith(GONE):
                yield at(setting.module, setting, f"Celery has no transport {text.partition(':')[0]} any more")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """The effective transport."""
    if f"{running.broker}://" in GONE:
        yield at_setting(project, "broker_url", f"Celery has no transport {running.broker} any more")
