"""Nothing bounds the memory of worker processes.

Why: What a task leaks stays until the process ends, and by default it never does: the machine kills something in
the end.

Bad:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

    # project/settings.py
    INSTALLED_APPS = ["shop"]

    # Procfile
    worker: celery -A project worker

Good:
    # project/celery.py
    from celery import Celery

    app = Celery("project")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()

    # project/__init__.py
    from project.celery import app

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
OPTIONS = ("--max-tasks-per-child", "--max-memory-per-child")


def find(project: Project) -> Iterator[Finding]:
    """The first prefork worker that is started without a bound, where the settings have none."""
    if (
        not project.configured
        or project.is_set("worker_max_tasks_per_child")
        or project.is_set("worker_max_memory_per_child")
    ):
        return
    for process in project.processes:
        pool = process.option("-P", "--pool") or "prefork"
        if process.role == "worker" and process.plain and process.option(*OPTIONS) is None and pool == "prefork":
            yield on(process.path, process.line, f"nothing bounds the memory of the processes of {process.name}")
            return
