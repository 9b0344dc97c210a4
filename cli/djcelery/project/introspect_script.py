"""Ask the running app, inside the project's own interpreter, what only it knows, and print that as JSON.

This script needs nothing but Django and Celery and runs on Python 3.8 or newer. Nothing of djcelery is imported here.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from typing import Any

MARK = "==djcelery=="
SETTINGS = (
    "task_time_limit task_soft_time_limit task_acks_late task_reject_on_worker_lost task_always_eager "
    "task_eager_propagates task_serializer result_serializer accept_content task_ignore_result task_default_queue "
    "task_default_queue_type task_queue_max_priority task_create_missing_queues result_backend imports include "
    "worker_prefetch_multiplier worker_concurrency worker_max_tasks_per_child worker_max_memory_per_child "
    "worker_hijack_root_logger worker_soft_shutdown_timeout beat_scheduler broker_transport_options "
    "result_backend_transport_options timezone"
)
OPTIONS = "time_limit soft_time_limit acks_late reject_on_worker_lost ignore_result serializer max_retries rate_limit"
KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "pos",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "pos",
    inspect.Parameter.KEYWORD_ONLY: "kwonly",
    inspect.Parameter.VAR_POSITIONAL: "vararg",
    inspect.Parameter.VAR_KEYWORD: "kwarg",
}


def main(root: str, settings: str, app_path: str) -> None:
    """Load Django, then the app, then everything that it registers, and print the answer."""
    sys.path[0] = root  # in place of the folder of this file, whose modules must shadow nothing
    if settings:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    import django

    django.setup()
    module, _, name = app_path.partition(":")
    app = getattr(importlib.import_module(module), name)
    app.loader.import_default_modules()
    app.finalize()
    sys.stdout.write(MARK + json.dumps({**celery_answer(app), **django_answer()}, default=repr) + "\n")


def celery_answer(app: Any) -> dict[str, Any]:
    """Return the registry, the effective settings, the routes and the schedule as plain data."""
    from celery.app import defaults

    conf = app.conf
    return {
        "registered": sorted(app.tasks),
        "tasks": {name: task_answer(app, task) for name, task in app.tasks.items() if not name.startswith("celery.")},
        "settings": {key: json_value(conf.get(key)) for key in SETTINGS.split()},
        "broker": str(conf.broker_url or "").partition(":")[0].partition("+")[0],
        "schedule": {str(name): entry_answer(entry) for name, entry in schedule(conf).items()},
        "queues": {name: sorted(queue.queue_arguments or {}) for name, queue in app.amqp.queues.items()},
        "celery_version": importlib.import_module("celery").__version__,
        "known_settings": sorted(key for key, _ in defaults.flatten(defaults.NAMESPACES)),
    }


def django_answer() -> dict[str, Any]:
    """Return what Django's settings say that matters to jobs."""
    from django.conf import settings

    return {
        "django_settings": [name for name in dir(settings) if name.isupper()],
        "settings_module": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        "installed_apps": [str(name) for name in settings.INSTALLED_APPS],
        "atomic_requests": any(database.get("ATOMIC_REQUESTS") is True for database in settings.DATABASES.values()),
        "root_logger": "root" in (settings.LOGGING or {}) or "" in ((settings.LOGGING or {}).get("loggers") or {}),
    }


def task_answer(app: Any, task: Any) -> dict[str, Any]:
    """Return where the code of a task stands, its parameters, and its effective options."""
    code = getattr(inspect.unwrap(task.run), "__code__", None)
    return {
        "file": os.path.abspath(code.co_filename) if code else "",
        "line": code.co_firstlineno if code else 0,
        "params": parameters(task),
        "options": {key: json_value(getattr(task, key, None)) for key in OPTIONS.split()},
        "queue": queue_of(app, task.name),
        "is_async": inspect.iscoroutinefunction(task.run),
    }


def parameters(task: Any) -> Any:
    """Return the parameters that a caller fills; None where a base class overrides the call, or none is known."""
    from celery import Task

    if type(task).__call__ is not Task.__call__ or not getattr(task, "typing", True):
        return None
    try:
        signature = inspect.signature(task.run)
    except (TypeError, ValueError):
        return None
    return [
        [param.name, KINDS[param.kind], param.default is not param.empty] for param in signature.parameters.values()
    ]


def schedule(conf: Any) -> dict[str, Any]:
    """Return the entries that are written as a dict, as nearly all are."""
    entries = conf.beat_schedule.items() if isinstance(conf.beat_schedule, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, dict) and "task" in entry}


def entry_answer(entry: Any) -> dict[str, Any]:
    """Return the task that an entry of the schedule sends, and the number and names of its arguments."""
    args, kwargs = entry.get("args"), entry.get("kwargs")
    arg_count = len(args) if isinstance(args, (list, tuple)) else 0
    return {"task": entry["task"], "arg_count": arg_count, "kwarg_names": sorted(map(str, kwargs or ()))}


def json_value(value: object) -> object:
    """Return a value in a form that JSON can carry."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def queue_of(app: Any, name: str) -> str:
    """Return the queue that a task is sent to."""
    try:
        queue = app.amqp.router.route({}, name).get("queue")
    except Exception:  # noqa: BLE001 - a route to a queue that is not declared: which error that is depends on kombu
        return ""
    return str(getattr(queue, "name", queue))


if __name__ == "__main__":
    main(*sys.argv[1:4])
