"""Fill the table of jobs, then let the relay and prune pass over it once, and say how long and by which plans."""

import json
import time

from django.core.management.base import BaseCommand
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.selection import JobFilter
from djcelery_jobs.dashboard import listing
from djcelery_jobs.dashboard.capacity import measure_loads as measure
from djcelery_jobs.models import Job
from djcelery_jobs.tasks import prune


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("finished", type=int)
        parser.add_argument("unfinished", type=int)

    def handle(self, finished: int, unfinished: int, **options):
        # A week's worth, of which the last 60th is older than a week; a twentieth of the open ones is due.
        fill("done", finished, "interval '0'", f"now() - n * interval '7 days 3 hours' / {finished}")
        fill("waiting", unfinished, f"interval '1 hour' / {unfinished}", "NULL")
        Job.objects.filter(
            pk__in=Job.objects.filter(state="waiting").order_by("publish_at")[: unfinished // 20]
        ).update(publish_at="2020-01-01T00:00:00Z")
        fill("dead", finished // 50, "interval '0'", "now()")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE djcelery_jobs_job")
        passes = {"relay": relay, "relay, nothing due": relay, "prune": prune, "prune, nothing old": prune}
        passes |= {
            "dead letters": lambda: len(listing.page(JobFilter(state="dead")).jobs),
            "jobs": lambda: len(listing.page(JobFilter()).jobs),
            "jobs of a task": lambda: len(listing.page(JobFilter(task="no.such.task")).jobs),
            "jobs that run": lambda: len(listing.page(JobFilter(state="running")).jobs),
            "search": lambda: len(listing.page(JobFilter(text="no such thing")).jobs),
            "failures": lambda: len(listing.failures()[0]),
            "jobs plan": lambda: len(measure(hours=24)),
        }
        self.stdout.write(json.dumps({name: one_pass(work) for name, work in passes.items()}))


def fill(state: str, count: int, step: str, finished: str) -> None:
    """Copy one row `count` times, n of them, with what is different in each."""
    one = Job.objects.create(task="workload.tasks.measured.noop_durable", queue="fast", publish_at=timezone.now())
    columns = {field.column: field.column for field in Job._meta.concrete_fields} | {
        "id": "gen_random_uuid()",
        "state": f"'{state}'",
        "publish_at": f"now() + n * {step}",
        "waiting_since": f"now() - n * {step}",
        "finished_at": finished,
    }
    names, values = ", ".join(columns), ", ".join(columns.values())
    rows = f"SELECT {values} FROM djcelery_jobs_job, generate_series(1, {count}) AS n WHERE id = '{one.pk}'"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO djcelery_jobs_job ({names}) {rows}")
    one.delete()


def one_pass(work) -> dict:
    begun = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        rows = work()
    seconds = time.perf_counter() - begun
    selects = [
        query["sql"]
        for query in queries
        if query["sql"].strip().startswith(("SELECT", "WITH")) and '"djcelery_jobs_job"' in query["sql"]
    ]
    return {
        "rows": rows,
        "ms": seconds * 1000,
        "statements": len(queries),
        "plan": plan(selects[0]),
        "plans": [*map(plan, selects)],
    }


def plan(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return [line for (line,) in cursor.fetchall()]
