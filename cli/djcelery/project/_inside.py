"""Runs inside the project's own interpreter: asks the app what only it knows, and prints that as JSON.

Needs nothing but Django and Celery, and no Python newer than 3.8: it is not imported by anything here.
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
    """Load Django, then the app, then everything it would register; print what is there."""
    sys.path[0] = root  # in place of the folder of this file, whose modules must shadow nothing
    if settings:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    import django

    django.setup()
    module, _, name = app_path.partition(":")
    app = getattr(importlib.import_module(module), name)
    app.loader.import_default_modules()
    app.finalize()
    sys.stdout.write(MARK + json.dumps({**of_celery(app), **of_django()}, default=repr) + "\n")


def of_celery(app: Any) -> dict[str, Any]:
    """The registry, the effective settings, the routes and the schedule, as plain data."""
    from celery.app import defaults

    conf = app.conf
    return {
        "registered": sorted(app.tasks),
        "tasks": {name: task(app, each) for name, each in app.tasks.items() if not name.startswith("celery.")},
        "settings": {key: plain(conf.get(key)) for key in SETTINGS.split()},
        "broker": str(conf.broker_url or "").partition(":")[0].partition("+")[0],
        "schedule": {str(key): entry(each) for key, each in schedule(conf).items()},
        "queues": {name: sorted(queue.queue_arguments or {}) for name, queue in app.amqp.queues.items()},
        "known": sorted(key for key, _ in defaults.flatten(defaults.NAMESPACES)),
    }


def of_django() -> dict[str, Any]:
    """What Django's settings say that matters to jobs."""
    from django.conf import settings

    return {
        "names": [name for name in dir(settings) if name.isupper()],
        "settings_module": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        "installed": [str(name) for name in settings.INSTALLED_APPS],
        "atomic_requests": any(each.get("ATOMIC_REQUESTS") is True for each in settings.DATABASES.values()),
        "root_logger": "root" in (settings.LOGGING or {}) or "" in ((settings.LOGGING or {}).get("loggers") or {}),
    }


def task(app: Any, each: Any) -> dict[str, Any]:
    """A task: where its code stands, what it takes, and its effective options."""
    code = getattr(inspect.unwrap(each.run), "__code__", None)
    return {
        "file": os.path.abspath(code.co_filename) if code else "",
        "line": code.co_firstlineno if code else 0,
        "params": params(each),
        "options": {key: plain(getattr(each, key, None)) for key in OPTIONS.split()},
        "queue": queue_of(app, each.name),
        "is_async": inspect.iscoroutinefunction(each.run),
    }


def params(each: Any) -> Any:
    """The parameters that a caller fills; None where they cannot be known, or a base class has its own way."""
    from celery import Task

    if type(each).__call__ is not Task.__call__ or not getattr(each, "typing", True):
        return None
    try:
        found = inspect.signature(each.run).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[param.name, KINDS[param.kind], param.default is not param.empty] for param in found]


def schedule(conf: Any) -> dict[str, Any]:
    """The entries that are written as a dict, as nearly all are."""
    held = conf.beat_schedule
    entries = held.items() if isinstance(held, dict) else ()
    return {key: each for key, each in entries if isinstance(each, dict) and "task" in each}


def entry(each: Any) -> dict[str, Any]:
    """An entry of the schedule: what it sends, with how many arguments and of which names."""
    args, kwargs = each.get("args"), each.get("kwargs")
    count = len(args) if isinstance(args, (list, tuple)) else 0
    return {"task": each["task"], "count": count, "named": sorted(map(str, kwargs or ()))}


def plain(value: object) -> object:
    """A value that JSON can carry."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def queue_of(app: Any, name: str) -> str:
    """The queue a task would go to."""
    try:
        queue = app.amqp.router.route({}, name).get("queue")
    except Exception:  # noqa: BLE001 - a route to a queue that may not be made up; whose error it is depends on kombu
        return ""
    return str(getattr(queue, "name", queue))


if __name__ == "__main__":
    main(*sys.argv[1:4])
