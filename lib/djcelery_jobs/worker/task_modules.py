"""Import every module that defines a `@task` when a worker or beat starts.

Django's API does not ask for the name tasks.py, so Celery's search does not find every module. A worker must know each
task before it forks its processes.
"""

import logging
import os
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from celery.signals import import_modules
from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from djcelery_jobs.core import tasks_api

logger = logging.getLogger(__name__)

USES_API = re.compile(
    r"^\s*(?:from|import)\s+(?:django\.tasks|django_tasks)\b|^\s*from\s+django\s+import\s.*\btasks\b", re.M
)
# Folders whose modules define no task of the project.
LEFT_OUT = {"migrations", "tests", "test", "testapp", "node_modules", "site-packages", "djcelery_jobs"}


@import_modules.connect(dispatch_uid="djcelery_jobs.worker.task_modules")
def import_task_modules(**kwargs: Any) -> None:
    """Import the modules of the installed apps and of the project's package that import the API of `@task`.

    Register their tasks, also those of another backend, which `task.using(backend=...)` can send here. Do nothing in a
    project without our backend. A module that cannot be imported is logged and left out.
    """
    if not is_backend_in_use():
        return
    for name in sorted(set(modules_with_tasks())):
        try:
            module = import_module(name)
        except Exception:
            logger.exception("could not import %s, which seems to define a @task", name)
            continue
        _register_tasks(vars(module).values())


def is_backend_in_use() -> bool:
    """Return whether the setting TASKS names our backend, or a class derived from it."""
    backends = [entry.get("BACKEND", "") for entry in (getattr(settings, "TASKS", None) or {}).values()]
    if not backends or not tasks_api.IS_AVAILABLE:
        return False
    from djcelery_jobs.tasks_backend import DurableBackend

    return any(issubclass(import_string(backend), DurableBackend) for backend in backends)


def modules_with_tasks() -> Iterator[str]:
    """Yield the names of modules that import the API of `@task`, by their text."""
    roots = {config.name: Path(config.path) for config in apps.get_app_configs()}
    package = settings.ROOT_URLCONF.rpartition(".")[0]
    spec = find_spec(package) if package else None
    if spec and spec.origin and package not in roots:
        roots[package] = Path(spec.origin).parent
    for package, folder in roots.items():
        for file in _python_files(folder):
            if USES_API.search(file.read_text(errors="replace")):
                parts = file.relative_to(folder).with_suffix("").parts
                yield ".".join([package, *(part for part in parts if part != "__init__")])


def _python_files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith(".")]
        for name in files:
            stem, _, ending = name.rpartition(".")
            if ending == "py" and stem not in LEFT_OUT and not stem.startswith("test_"):
                yield Path(place, name)


def _register_tasks(values: Any) -> None:
    from djcelery_jobs.core.task_functions import register

    for value in list(values):
        if isinstance(value, tasks_api.Task):
            register(value)
