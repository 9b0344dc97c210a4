"""Load the pages of the jobs as a browser would, before and after the table fills up."""

import json
import os
import time
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from users.models import User
from workload.management.commands.plans import fill

from djcelery_jobs.models import Job

LOOKED_AT = 2_000  # rows that a search and the groups of failures look at, the newest; a smaller table would cost less
PAGES = {"the page": "changelist", "its refresh": "now", "dead letters": "dead", "a search": "find", "all jobs": "jobs"}
PAGES |= {"tasks": "tasks", "failures": "failures", "the schedule": "schedule"}


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument(
            "rows", type=int, nargs="+", help="finished; a tenth as many wait, a twentieth or more is dead"
        )
        parser.add_argument("--loads", type=int, default=25, help="of each page")

    def handle(self, rows: list[int], loads: int, **options):
        client = Client(headers={"host": "127.0.0.1"})
        client.force_login(User.objects.create_superuser("measurer"))
        there, levels = 0, {}
        for count in rows:
            fill_up(count - there)
            there = count
            urls = {name: reverse(f"admin:djcelery_jobs_overview_{page}") for name, page in PAGES.items()}
            dead = Job.objects.filter(state="dead").first()
            urls["one job"] = reverse("admin:djcelery_jobs_overview_job", args=[dead.pk])
            levels[count] = {name: loaded(client, url, loads) for name, url in urls.items()}
        self.stdout.write(json.dumps(levels))


def fill_up(count: int) -> None:
    fill("done", count, "interval '0'", f"now() - n * interval '7 days' / {count}")
    fill("waiting", count // 10, "interval '0.01 second'", "NULL")
    fill("dead", max(count // 20, LOOKED_AT), "interval '0'", "now()")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE djcelery_jobs_job")


def loaded(client: Client, url: str, loads: int) -> dict:
    def load() -> None:
        answer = client.get(url, {"q": "no such thing"})
        assert answer.status_code == 200

    load()
    begun = spent()
    for _ in range(loads):
        load()
    ms = (spent() - begun) * 1000 / loads
    with CaptureQueriesContext(connection) as queries:
        load()
    return {"ms": ms, "statements": len(queries)}


def spent() -> float:
    """Return the CPU seconds of this process and of its one in PostgreSQL; a busy machine does not change them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
