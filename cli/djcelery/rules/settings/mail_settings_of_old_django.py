"""Mail is configured with settings that Django 6.1 deprecates.

Why: Django 6.1 replaces EMAIL_BACKEND, EMAIL_HOST and the like by MAILERS, and Django 7.0 removes them. Celery's
`mail_admins` handlers and tasks that send mail depend on them.

Bad:
    # project/settings.py
    EMAIL_HOST = "mail.example.org"

    # requirements.txt
    django>=6.1

Good:
    # project/settings.py
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "mail.example.org"},
        },
    }

    # requirements.txt
    django>=6.1

Evidence: F68; Django's guide "Migrating email to mailers".

Ignore it when: a package that you use still reads the old settings.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC716"
SEVERITY = "hint"
NEEDS_APP = True
SINCE = (6, 1)
OLD = frozenset(
    "EMAIL_BACKEND EMAIL_FILE_PATH EMAIL_HOST EMAIL_HOST_PASSWORD EMAIL_HOST_USER EMAIL_PORT EMAIL_SSL_CERTFILE "
    "EMAIL_SSL_KEYFILE EMAIL_TIMEOUT EMAIL_USE_SSL EMAIL_USE_TLS".split()
)


def find(project: Project) -> Iterator[Finding]:
    """Yield the first old setting in each file, where the code base requires Django 6.1 and MAILERS is not set."""
    version = project.lowest_version("django")
    if version is None or version < SINCE or any(setting.name == "MAILERS" for setting in project.settings):
        return
    reported = set()
    for setting in project.settings:
        if setting.name in OLD and not setting.testing and setting.module.path not in reported:
            reported.add(setting.module.path)
            yield at(setting.module, setting, f"Django 6.1 deprecates {setting.name}; use MAILERS")
