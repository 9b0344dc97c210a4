"""Dispatch jobs, and print what it took: python -m rival.dispatch TASK one|many COUNT"""

import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rival.settings")
django.setup()


def main(name: str, how: str, count: int) -> None:
    """Dispatch that many jobs, each in a transaction of its own or all in one."""
    from django.db import transaction
    from rival import tasks

    if tasks.RIVAL == "celery":
        from rival import celery_app

        celery_app.app.set_current()
    asked = getattr(tasks, name)
    calls = [(number,) if name == "add_one" else () for number in range(count)]
    with transaction.atomic():  # connects
        tasks.dispatch(asked, *calls[0])
    wall, cpu = time.perf_counter(), time.process_time()
    if how == "many":
        with transaction.atomic():
            tasks.dispatch_many(asked, calls[1:])
    else:
        for args in calls[1:]:
            with transaction.atomic():
                tasks.dispatch(asked, *args)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"wall_ms": wall * 1000 / max(1, count - 1), "cpu_ms": cpu * 1000 / max(1, count - 1)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
