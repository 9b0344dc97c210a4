"""A worker is killed before it can return its tasks.

Why: A soft shutdown needs its timeout plus a few seconds. If the container is killed earlier, running tasks are lost
or return only after the visibility timeout.

Bad:
    # project/settings.py
    CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60

    # compose.yaml
    services:
      worker:
        command: celery -A project worker
        stop_grace_period: 30s

Good:
    # project/settings.py
    CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60

    # compose.yaml
    services:
      worker:
        command: celery -A project worker
        stop_grace_period: 90s

Evidence: F83; measured: the grace period must be at least the soft timeout plus 10 s.

Ignore it when: losing running tasks is acceptable.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC809"
SEVERITY = "warning"
MORE = 10
DEFAULT = {"compose": 10, "kubernetes": 30, "systemd": 90}


def find(project: Project) -> Iterator[Finding]:
    """Yield workers of compose, Kubernetes and systemd whose grace period is below the soft shutdown timeout.

    They are hints if there is no such timeout and the grace period is below the time limit of tasks.
    """
    soft, hard = longest(project, "worker_soft_shutdown_timeout"), longest(project, "task_time_limit")
    for process in project.workers:
        grace = process.grace if process.grace is not None else DEFAULT.get(process.source)
        if grace is None:
            continue
        if soft is not None and grace < soft + MORE:
            message = f"{process.name} is killed after {grace} s, but its soft shutdown needs {soft + MORE:g} s"
            yield on(process.path, process.line, message)
        elif soft is None and hard is not None and process.is_celery_command and grace < hard:
            message = (
                f"{process.name} is killed after {grace} s, but a task may take {hard:g} s; set a soft shutdown timeout"
            )
            yield on(process.path, process.line, message, "hint")


def longest(project: Project, key: str) -> float | None:
    """Return the highest number that a setting has anywhere."""
    numbers = [project.number(setting.module, setting.value) for setting in project.settings_of(key)]
    return max((number for number in numbers if number is not None), default=None)
