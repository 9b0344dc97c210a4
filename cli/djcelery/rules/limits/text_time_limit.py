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
# Readers of the environment that return text unless they are told a type, or (the first) a default of another type.
GUESSING = frozenset({"environ.Env", "environ.FileAwareEnv"})
READERS = GUESSING | {"environs.Env", "environs.FileAwareEnv"}


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
    if resolved.kind in {"call", "item"} and (resolved.name in TEXT or reads_text(project, module, resolved)):
        return "is a string if the environment sets it"
    if resolved.kind == "op" and resolved.name == "Or":
        return next((why for item in resolved.items if (why := explain_string(project, module, item))), "")
    return ""


def reads_text(project: Project, module: Module, value: Value) -> bool:
    """Return whether a call of django-environ, environs or decouple returns the text of a variable as it is."""
    if value.kind != "call" or "cast" in value.keywords or value.spreads_arguments:
        return False
    if value.name == "decouple.config":
        return True
    reader_name = value.root if value.last == "str" else value.name
    definition = project.find(module, reader_name)
    reader = definition.assign.value if definition is not None and definition.assign is not None else None
    if reader is None or reader.kind != "call" or reader.name not in READERS:
        return False
    if value.last == "str" and value.root:
        return True
    variable = value.items[0].const if value.items else None
    default = value.keywords.get("default")
    if reader.name in GUESSING:
        typed = default is not None and default.resolved.const is not None and not isinstance(default.const, str)
        return len(value.items) == 1 and variable not in reader.keywords and not typed and is_plain(default)
    return True


def is_plain(default: Value | None) -> bool:
    """Return whether a default is absent, or a constant whose type can be seen."""
    return default is None or default.resolved.kind == "const"
