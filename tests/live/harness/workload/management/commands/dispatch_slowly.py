"""Dispatch jobs that note when they begin, one by one with pauses, and print the time of each commit."""

import importlib
import json
import os
import time

from django.core.management.base import BaseCommand
from django.db import transaction
from workload import tasks


class Command(BaseCommand):
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("task")
        parser.add_argument("first", type=int)
        parser.add_argument("count", type=int)

    def handle(self, task: str, first: int, count: int, **options):
        if (app := os.environ.get("CELERY_APP", "shop")) != "shop":
            importlib.import_module(app).app.set_current()
        committed: dict[int, float] = {}
        for number in range(first, first + count):
            with transaction.atomic():
                transaction.on_commit(lambda number=number: committed.update({number: time.time()}))
                getattr(tasks, task).delay_on_commit(number)
            time.sleep(0.05)
        self.stdout.write(json.dumps(committed))
