"""A broker URL in the code contains a password.

Why: The password stays in the version history, and a developer who starts the project works on somebody else's queue.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "amqp://shop:s3cret-9f@rabbit.example.org/shop"

Good:
    # project/settings.py
    import os

    CELERY_BROKER_URL = os.environ["BROKER_URL"]

Evidence: L2.

Ignore it when: the broker is a container of the development setup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC707"
SEVERITY = "warning"
URL = re.compile(r"^\w+://[^:@/]*:(?P<password>[^@/]+)@(?P<host>[^/:]+)")
WEAK = {"guest", "password", "changeme", "secret", "postgres", "admin", "rabbitmq", "redis", "user", "pass"}


def find(project: Project) -> Iterator[Finding]:
    """Yield URLs with a password and a domain in settings that are not for tests or development."""
    for key in ("broker_url", "result_backend", "broker_read_url", "broker_write_url"):
        for setting in project.settings_of(key):
            for text in project.resolve(setting.module, setting.value).texts():
                match = URL.match(text)
                if match and "." in match["host"] and not setting.local and not is_placeholder(match):
                    yield at(setting.module, setting, f"the password for {match['host']} is in the code")


def is_placeholder(match: re.Match[str]) -> bool:
    """Return whether the host or the password is a placeholder."""
    local = re.match(r"(127\.|0\.0\.0\.0|10\.|192\.168\.)", match["host"])
    return bool(local) or match["password"].lower() in WEAK or any(mark in match[0] for mark in "{}<>%$")
