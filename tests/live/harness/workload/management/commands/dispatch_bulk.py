"""Dispatch COUNT durable jobs in one transaction, and say how long the caller waits after the commit."""

import json
import resource
import time

from django.core.management.base import BaseCommand
from django.db import transaction
from workload.tasks import begin_durable, noop_durable


class Command(BaseCommand):
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("how", choices=["loop", "many"])
        parser.add_argument("count", type=int)

    def handle(self, how: str, count: int, **options):
        with transaction.atomic():  # connects
            begin_durable.delay(0)
        committed, memory, begun = [], peak_mb(), time.perf_counter()
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.perf_counter()))
            if how == "many":
                noop_durable.apply_async_many([()] * count)
            else:
                for _ in range(count):
                    noop_durable.delay()
        ended = time.perf_counter()
        taken = {"to_commit_s": committed[0] - begun, "after_commit_s": ended - committed[0]}
        self.stdout.write(json.dumps(taken | {"memory_mb": peak_mb() - memory}))


def peak_mb() -> float:
    """Return the most memory that this process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
