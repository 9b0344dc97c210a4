"""Dispatch COUNT jobs that do nothing, one by one, and say what CPU that took."""

import importlib
import json
import os
import time

from django.core.management.base import BaseCommand
from workload import tasks


class Command(BaseCommand):
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("task")
        parser.add_argument("count", type=int)

    def handle(self, task: str, count: int, **options):
        if (app := os.environ.get("CELERY_APP", "shop")) != "shop":
            importlib.import_module(app).app.set_current()
        asked = getattr(tasks, task)
        ask = asked.enqueue if hasattr(asked, "enqueue") else asked.delay
        ask()  # connects
        begun = time.process_time()
        for _ in range(count - 1):
            ask()
        self.stdout.write(json.dumps(time.process_time() - begun))
