"""Dispatch COUNT jobs one by one or many at once, and say what each took the caller."""

import json
import time

from django.core.management.base import BaseCommand
from django.db import transaction
from workload import tasks


class Command(BaseCommand):
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("task")
        parser.add_argument("how", choices=["one", "many"])
        parser.add_argument("count", type=int)
        parser.add_argument("--batch", type=int, default=0)

    def handle(self, task: str, how: str, count: int, batch: int, **options):
        asked = getattr(tasks, task)
        calls = [(number,) if task.startswith("add_one") else () for number in range(count)]
        asked.apply_async_on_commit(calls[0])  # connects
        calls = calls[1:]
        wall, cpu = time.perf_counter(), time.process_time()
        if how == "one":
            for args in calls:
                with transaction.atomic():
                    asked.apply_async_on_commit(args)
        else:
            for start in range(0, len(calls), batch or len(calls)):
                with transaction.atomic():
                    _dispatch_many(asked, calls[start : start + (batch or len(calls))])
        taken = {"wall_ms": time.perf_counter() - wall, "cpu_ms": time.process_time() - cpu}
        self.stdout.write(json.dumps({name: each * 1000 / max(1, len(calls)) for name, each in taken.items()}))


def _dispatch_many(asked, calls):
    if hasattr(asked, "apply_async_many"):
        asked.apply_async_many(calls)
    else:
        for args in calls:
            asked.apply_async_on_commit(args)
