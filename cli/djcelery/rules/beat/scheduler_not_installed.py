"""The scheduler or result backend belongs to an app that is not installed.

Why: Its tables are never created. Beat or the worker fails at its first query, or the admin has nothing to edit.

Bad:
    # project/settings.py
    INSTALLED_APPS = ["shop"]
    CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

Good:
    # project/settings.py
    INSTALLED_APPS = ["shop", "django_celery_beat"]
    CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

Evidence: B3.

Ignore it when: the app is added to INSTALLED_APPS at run time.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting

CODE = "DJC609"
SEVERITY = "error"
NEEDS = {
    "beat_scheduler": (("django_celery_beat", "django_celery_beat"),),
    "result_backend": (("django-db", "django_celery_results"), ("django_celery_results", "django_celery_results")),
}


def find(project: Project) -> Iterator[Finding]:
    """Yield schedulers and backends of Django apps that are not in INSTALLED_APPS."""
    if not project.installed_apps:
        return
    for key, needs in NEEDS.items():
        for setting in project.settings_of(key):
            text = project.text(setting.module, setting.value) or ""
            for word, app in needs:
                if text.startswith(word) and not any(name.startswith(app) for name in project.installed_apps):
                    yield at(setting.module, setting, f"{app} is not in INSTALLED_APPS")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the effective scheduler and backend if their app is not installed."""
    for key, needs in NEEDS.items():
        for word, app in needs:
            missing = not any(name.startswith(app) for name in running.installed_apps)
            if str(running.settings[key] or "").startswith(word) and missing:
                yield at_setting(project, key, f"{app} is not in INSTALLED_APPS")
