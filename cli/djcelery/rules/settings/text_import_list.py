"""A list of modules is a string.

Why: `("shop.jobs")` is a string in parentheses. Celery reads it character by character or as a single name, and your
tasks are not registered.

Bad:
    # project/settings.py
    CELERY_IMPORTS = ("shop.jobs")

Good:
    # project/settings.py
    CELERY_IMPORTS = ("shop.jobs",)

Evidence: F21; openedx issue 21297.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, at, fix
from djcelery.rules._running import at_setting

CODE = "DJC709"
SEVERITY = "error"


def find(project: Project) -> Iterator[Finding]:
    """Yield imports, include and accept_content that are strings."""
    for key in ("imports", "include", "accept_content"):
        for setting in project.settings_of(key, testing=True):
            value = setting.value
            if value.kind != "const" or not isinstance(value.const, str):
                continue
            place = (value.end_line, value.end_col, value.end_line, value.end_col, ",")
            with_comma = fix("add a comma to make it a tuple", setting.module, place) if value.in_parentheses else None
            yield at(setting.module, setting, f"{setting.name} must be a list or a tuple", fix=with_comma)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield effective lists that are strings."""
    for key in ("imports", "include", "accept_content"):
        if isinstance(running.settings[key], str):
            yield at_setting(project, key, f"{key} must be a list or a tuple")
