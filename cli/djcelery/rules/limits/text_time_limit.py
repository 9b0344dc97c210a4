"""A time limit is a string.

Why: Environment variables are strings. The worker's timer thread crashes on a string, and the result of the task
never arrives.

Bad:
    # project/settings.py
    import os

    CELERY_TASK_TIME_LIMIT = os.environ.get("TASK_TIME_LIMIT", 300)

Good:
    # project/settings.py
    import os

    CELERY_TASK_TIME_LIMIT = int(os.environ.get("TASK_TIME_LIMIT", 300))

Evidence: X2, F48; reproduced on 5.7: "Thread 'TimeoutHandler' crashed"; celery issues 6339 and 6696; found in mature
projects.

Ignore it when: the variable is never set.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.facts import Module
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Value, at
from djcelery.rules._running import at_setting, at_task

CODE = "DJC502"
SEVERITY = "error"
KEYS = (
    "task_time_limit",
    "task_soft_time_limit",
    "worker_max_tasks_per_child",
    "worker_prefetch_multiplier",
    "worker_concurrency",
)
TEXT = frozenset({"os.environ.get", "os.getenv", "os.environ[]", "environ.get", "getenv"})


def find(project: Project) -> Iterator[Finding]:
    """Yield settings and task options that should be numbers and are certainly strings."""
    for key in KEYS:
        for setting in project.settings_of(key):
            if why := explain_string(project, setting.module, setting.value):
                yield at(setting.module, setting, f"{setting.name} {why}; Celery needs a number")
    for task in project.own_tasks:
        for option in ("time_limit", "soft_time_limit", "max_retries", "default_retry_delay", "expires"):
            value = task.options.get(option)
            if value is not None and (why := explain_string(project, task.module, value)):
                yield at(task.module, value, f"{option} {why}; Celery needs a number")


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield effective settings and options that should be numbers and are strings."""
    for key in KEYS:
        value = running.settings[key]
        if isinstance(value, str):
            yield at_setting(project, key, f"{key} is the string {value!r}; Celery needs a number")
    for task in running.own_tasks:
        for option in ("time_limit", "soft_time_limit", "max_retries"):
            value = task.options[option]
            if isinstance(value, str) and value != running.settings.get(f"task_{option}"):
                yield at_task(project, task, option, f"{option} is the string {value!r}; Celery needs a number")


def explain_string(project: Project, module: Module, value: Value) -> str:
    """Say why a value is a string, or return an empty text."""
    resolved = project.resolve(module, value)
    if resolved.kind == "text" or (resolved.kind == "const" and isinstance(resolved.const, str)):
        return "is a string"
    if resolved.kind in {"call", "item"} and resolved.name in TEXT:
        return "is a string if the environment sets it"
    if resolved.kind == "op" and resolved.name == "Or":
        return next((why for item in resolved.items if (why := explain_string(project, module, item))), "")
    return ""
