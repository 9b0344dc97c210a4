"""Nothing limits the memory of worker processes.

Why: Leaked memory stays until the process ends, and by default a worker process never ends. Eventually the machine
runs out of memory and kills something.

Bad:
    # project/settings.py
    INSTALLED_APPS = ["shop"]

    # Procfile
    worker: celery -A project worker

Good:
    # project/settings.py
    INSTALLED_APPS = ["shop"]
    CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000

    # Procfile
    worker: celery -A project worker

Evidence: F84; Celery's guide to workers.

Ignore it when: the tasks are known not to leak.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._base import Finding, Project, on

CODE = "DJC810"
SEVERITY = "hint"
NEEDS_APP = True
OPTIONS = ("--max-tasks-per-child", "--max-memory-per-child")


def find(project: Project) -> Iterator[Finding]:
    """Yield the first prefork worker that is started without a limit if the settings have none."""
    if (
        not project.has_complete_settings
        or project.is_set("worker_max_tasks_per_child")
        or project.is_set("worker_max_memory_per_child")
    ):
        return
    for process in project.processes:
        pool = process.option("-P", "--pool") or "prefork"
        if (
            process.role == "worker"
            and process.is_celery_command
            and process.option(*OPTIONS) is None
            and pool == "prefork"
        ):
            yield on(process.path, process.line, f"nothing limits the memory of the processes of {process.name}")
            return
