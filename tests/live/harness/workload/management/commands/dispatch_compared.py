"""Dispatch durable jobs one by one, in turns with the least that each could do, and say what one took in each way."""

import json
import time
from collections.abc import Callable

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from workload.tasks import noop, noop_durable

from djcelery_jobs.models import Job


class Command(BaseCommand):
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)
        parser.add_argument("rounds", type=int)

    def handle(self, count: int, rounds: int, **options):
        ways = {"durable": noop_durable.delay_on_commit, "row": insert_row, "row_and_message": insert_row_and_publish}
        for dispatch in ways.values():  # connects
            milliseconds(dispatch, 10)
        taken = {name: [] for name in ways}
        for _ in range(rounds):
            for name, dispatch in ways.items():
                taken[name].append(milliseconds(dispatch, count))
        self.stdout.write(json.dumps(taken))


def milliseconds(dispatch: Callable[[], object], count: int) -> dict[str, float]:
    """Return what a dispatch in a transaction of its own takes, as time on the clock and as CPU of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        with transaction.atomic():
            dispatch()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_ms": wall * 1000 / count, "cpu_ms": cpu * 1000 / count}


def insert_row() -> None:
    now = timezone.now()
    Job.objects.create(task=noop_durable.name, queue="fast", publish_at=now, waiting_since=now)


def insert_row_and_publish() -> None:
    insert_row()
    transaction.on_commit(noop.delay)
