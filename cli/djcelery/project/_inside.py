"""Runs inside the project's own interpreter: asks the app what only it knows, and prints that as JSON.

Needs nothing but Django and Celery, and no Python newer than 3.8: it is not imported by anything here.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

MARK = "==djcelery=="


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
    sys.stdout.write(MARK + json.dumps(facts(app), default=repr) + "\n")


def facts(app: Any) -> dict[str, Any]:
    """The registry, the effective settings, the routes and the schedule, as plain data."""
    conf = app.conf
    keys = (
        "task_time_limit task_soft_time_limit task_acks_late task_reject_on_worker_lost task_always_eager "
        "result_backend worker_prefetch_multiplier broker_transport_options task_ignore_result beat_scheduler "
        "task_default_queue timezone"
    )
    tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    return {
        "tasks": sorted(app.tasks),
        "settings": {key: plain(conf.get(key)) for key in keys.split()},
        "broker": (conf.broker_url or "").partition(":")[0],
        "limits": {name: [plain(task.time_limit), plain(task.soft_time_limit)] for name, task in tasks.items()},
        "schedule": {str(key): entry.get("task") for key, entry in (conf.beat_schedule or {}).items()},
        "queues": sorted(app.amqp.queues),
        "routes": {name: queue_of(app, name) for name in tasks},
    }


def plain(value: object) -> object:
    """A value that JSON can carry."""
    return value if value is None or isinstance(value, (bool, int, float, str, dict)) else repr(value)


def queue_of(app: Any, name: str) -> str:
    """The queue a task would go to."""
    queue = app.amqp.router.route({}, name).get("queue")
    return str(getattr(queue, "name", queue))


if __name__ == "__main__":
    main(*sys.argv[1:4])
