"""Look at what the jobs are doing, as the page and Prometheus do, before and after the tables and the queue fill up."""

import json
import time
from statistics import median

from celery import current_app
from django.core.management.base import BaseCommand
from django.db import connection
from django.test.utils import CaptureQueriesContext
from workload.management.commands.plans import fill, plan
from workload.tasks import noop

from djcelery_jobs.brokers import queue_lengths
from djcelery_jobs.dashboard.metrics import exposition, families
from djcelery_jobs.dashboard.snapshot import last_hour, take_snapshot
from djcelery_jobs.models import Tally

LOOKS = 40


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument(
            "rows", type=int, nargs="+", help="finished rows; a tenth as many wait, a fiftieth are dead"
        )

    def handle(self, rows: list[int], **options):
        # Import what talks to the broker: a busy machine needs longer for that than a look waits.
        queue_lengths.fetch()
        there, levels = 0, {}
        for count in rows:
            fill_up(count - there)
            there = count
            levels[str(count)] = measured()
        self.stdout.write(json.dumps(levels))


def fill_up(count: int) -> None:
    fill("done", count, "interval '0'", f"now() - n * interval '7 days' / {count}")
    fill("waiting", count // 10, "interval '0.01 second'", "NULL")
    fill("dead", count // 50, "interval '0'", "now()")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE djcelery_jobs_job")
    noop.delay()
    with current_app.connection_for_write() as broker:  # the same message, again and again
        client, prefix = broker.default_channel.client, broker.default_channel.global_keyprefix
        message = client.lindex(f"{prefix}fast", 0)  # kombu prefixes the keys of the commands that it uses itself
        for _ in range(count // 1000):
            client.lpush("fast", *[message] * 100)


def look() -> int:
    """Look once for Prometheus and once for the page. Return how many wait, so that they are known to be seen."""
    seen = take_snapshot()
    assert seen.broker == "ok", seen.broker
    exposition(families(seen, Tally.objects.all()))
    last_hour()
    return next(queue.waiting for queue in seen.queues if queue.name == "fast")


def measured() -> dict:
    taken = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        waiting = look()
        taken.append((time.perf_counter() - begun) * 1000)
    with CaptureQueriesContext(connection) as queries:
        look()
    of_jobs = [query["sql"] for query in queries if '"djcelery_jobs_job"' in query["sql"]]
    return {
        "ms": median(taken),
        "statements": len(queries),
        "waiting": waiting,
        "plans": [plan(sql) for sql in of_jobs],
    }
