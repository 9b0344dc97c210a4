"""A worker is killed before it can put its tasks back.

Why: Soft shutdown needs its timeout and some seconds more. When the container is killed earlier, what runs is lost
or comes back only after the visibility timeout.

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

Evidence: F83; measured: the grace must be at least the soft timeout and 10 s.

Ignore it when: losing what runs is fine.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC809"
SEVERITY = "warning"
MORE = 10
DEFAULT = {"compose": 10, "kubernetes": 30}


def find(project: Project) -> Iterator[Finding]:
    """Workers of compose and Kubernetes whose grace is below a plain soft shutdown timeout."""
    timeouts = [project.number(each.module, each.value) for each in project.setting("worker_soft_shutdown_timeout")]
    known = [timeout for timeout in timeouts if timeout is not None]
    if not known:
        return
    for process in project.processes:
        grace = process.grace if process.grace is not None else DEFAULT.get(process.source)
        if process.role == "worker" and grace is not None and grace < max(known) + MORE:
            yield on(
                process.path,
                process.line,
                f"{process.name} is killed after {grace} s; its soft shutdown needs {max(known) + MORE:g}",
            )
