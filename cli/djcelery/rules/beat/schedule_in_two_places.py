"""The schedule is in code, but the scheduler keeps it in the database.

Why: django-celery-beat copies the entries from the code to its table. An entry that is removed from the code stays in
the table and is still sent, until someone deletes the row.

Bad:
    # project/settings.py
    INSTALLED_APPS = ["django_celery_beat"]
    CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
    CELERY_BEAT_SCHEDULE = {"nightly": {"task": "billing.close", "schedule": 60, "options": {"expires": 50}}}

Good:
    # project/settings.py
    INSTALLED_APPS = ["django_celery_beat"]
    CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

Evidence: B3, F63; django-celery-beat issues 248, 654, 706 and 768.

Ignore it when: each deployment deletes the rows that the code no longer has.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, at

CODE = "DJC610"
SEVERITY = "hint"


def find(project: Project) -> Iterator[Finding]:
    """Yield a schedule with entries in the settings if the scheduler is certainly the database's."""
    schedulers = [
        project.text(setting.module, setting.value) or "" for setting in project.settings_of("beat_scheduler")
    ]
    if not any(name.startswith("django_celery_beat") for name in schedulers):
        return
    for setting in project.settings_of("beat_schedule"):
        resolved = project.resolve(setting.module, setting.value)
        if setting.operator == "=" and resolved.kind == "dict" and resolved.items:
            yield at(setting.module, setting, "an entry that is removed here stays in the scheduler's table")
