"""Celery no longer supports the broker.

Why: The Django and SQLAlchemy database transports are removed or experimental. The worker does not start, or it loses
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

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting

CODE = "DJC708"
SEVERITY = "error"
GONE = ("django://", "couchdb://", "beanstalk://", "librabbitmq://")


def find(project: Project) -> Iterator[Finding]:
    """Yield broker URLs with a transport that was removed."""
    for setting in project.settings_of("broker_url"):
        for text in project.resolve(setting.module, setting.value).texts():
            if text.startswith(GONE):
                yield at(setting.module, setting, f"Celery no longer has the transport {text.partition(':')[0]}")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the effective broker if its transport was removed."""
    if f"{running.broker}://" in GONE:
        yield at_setting(project, "broker_url", f"Celery no longer has the transport {running.broker}")
