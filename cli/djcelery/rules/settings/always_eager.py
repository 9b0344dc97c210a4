"""Tasks run inline outside of tests.

Why: With task_always_eager nothing is ever sent. Every task runs in the web process, without retries, limits or a
queue.

Bad:
    # project/settings/production.py
    CELERY_TASK_ALWAYS_EAGER = True

Good:
    # project/settings/test.py
    CELERY_TASK_ALWAYS_EAGER = True
    CELERY_TASK_EAGER_PROPAGATES = True

Evidence: L1, F69; Celery's guide to testing; celery issue 4008.

Ignore it when: these settings are for a developer's machine only.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at
from djcelery.rules._running import at_setting, is_production

CODE = "DJC704"
SEVERITY = "warning"


def find(project: Project) -> Iterator[Finding]:
    """Yield the setting if it is True in settings that are not for tests or development."""
    for setting in project.settings_of("task_always_eager"):
        if (
            project.resolve(setting.module, setting.value).const is True
            and not setting.local
            and not setting.conditional
        ):
            yield at(setting.module, setting, "with this setting, every task runs inline in the web process")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the setting if its effective value is True and the settings are not for tests or development."""
    if running.settings["task_always_eager"] is True and is_production(running):
        yield at_setting(project, "task_always_eager", "with this setting, every task runs inline in the web process")
