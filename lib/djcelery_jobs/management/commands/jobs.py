"""`manage.py jobs`: look at jobs, send dead ones again, give them up; see whether all is well, and plan for more."""

import getpass
import sys
import uuid
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any

from celery.exceptions import OperationalError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from djcelery_jobs.core import dead_letters
from djcelery_jobs.dashboard import capacity, health
from djcelery_jobs.dashboard.state import state
from djcelery_jobs.models import Job, State
from djcelery_jobs.telemetry.redaction import scrub
from djcelery_jobs.worker import connections

TEXT = 20_000  # characters of one value, such as a traceback
MOST = 1_000_000  # of whatever is counted: lines, processes, hours


class Command(BaseCommand):
    help = "Look at jobs, send dead ones again, or give them up; see whether all is well, and plan for more."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="list | show | requeue | discard | health | plan | connections"
        )
        listing = actions.add_parser("list", help="jobs of one state, the newest first")
        listing.add_argument("--state", choices=State.values, default=State.DEAD, help="default: %(default)s")
        listing.add_argument("--task", help="only this task")
        listing.add_argument("--limit", type=_count, default=50, help="lines at most, default: %(default)s")
        actions.add_parser("show", help="one job with all that is known").add_argument("id", type=uuid.UUID)
        for action, what in (("requeue", "send dead jobs again"), ("discard", "give dead jobs up")):
            command = actions.add_parser(action, help=what)
            command.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID")
            command.add_argument("--task", help="all dead jobs of this task")
            command.add_argument("--all", action="store_true", help="all dead jobs")
        planning = actions.add_parser("plan", help="how many processes each class needs")
        planning.add_argument("--wait", type=float, default=5.0, help="seconds a job may wait, default: %(default)s")
        planning.add_argument("--hours", type=_count, default=24, help="look back so far, default: %(default)s")
        planning.add_argument("--rate", action="append", default=[], metavar="CLASS=N", help="suppose N jobs a second")
        counting = actions.add_parser(
            "connections", help="how many the database must allow; exit code 1 when it does not"
        )
        counting.add_argument("--workers", action="append", default=[], metavar="CLASS=N", help="default: 1 of each")
        counting.add_argument("--web", type=_count, default=2, help="processes of the web server, default: %(default)s")
        counting.add_argument("--beats", type=_count, default=1, help="default: %(default)s")
        actions.add_parser("health", help="queues, workers and beat; exit code 1 when somebody must see to them")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(options)

    def list(self, options: dict[str, Any]) -> None:
        jobs = Job.objects.filter(state=options["state"]).order_by("-created_at")
        if options["task"]:
            jobs = jobs.filter(task=options["task"])
        for job in jobs[: options["limit"]]:
            error = scrub(job.error)
            self.stdout.write(f"{job.pk}  {job.created_at:%Y-%m-%d %H:%M:%S}  {job.queue:10}  {job.task}  {error}")

    def show(self, options: dict[str, Any]) -> None:
        job = Job.objects.filter(pk=options["id"]).first()
        if job is None:
            raise CommandError(f"There is no job {options['id']}. `jobs list --state done` shows finished ones.")
        for field in Job._meta.fields:
            self.stdout.write(f"{field.verbose_name:14} {scrub(getattr(job, field.name), length=TEXT)}")

    def requeue(self, options: dict[str, Any]) -> None:
        try:
            count = dead_letters.requeue(self._chosen(options), by=getpass.getuser())
        except OperationalError as error:
            raise CommandError("The broker is away. Try again when it is back; jobs not yet sent stay dead.") from error
        self.stdout.write(f"{count} dead jobs sent again.")

    def discard(self, options: dict[str, Any]) -> None:
        count = dead_letters.discard(self._chosen(options), by=getpass.getuser())
        self.stdout.write(f"{count} dead jobs discarded.")

    def health(self, options: dict[str, Any]) -> None:
        parts = health.parts()
        self._table([(name, part) for name, part in parts.items()])
        if parts["database"] != "ok":
            raise CommandError(f"The database: {parts['database']}. Without it nothing else can be known.")
        seen = state()
        self._table(
            [
                ("QUEUE", "WAITING", "OLDEST", "RUNNING", "WORKERS", "PER MINUTE", "DEAD"),
                *((q.name, q.waiting, _seconds(q.oldest), q.running, q.consumers, q.rate, q.dead) for q in seen.queues),
            ]
        )
        self._table(
            [
                ("WORKER", "QUEUES", "RUNNING", "SEEN", ""),
                *(
                    (w.name, ", ".join(w.queues), w.running, f"{w.seen:%H:%M:%S}", "" if w.alive else "gone")
                    for w in seen.workers
                ),
                ("beat", "", "", f"{seen.beat.seen:%H:%M:%S}" if seen.beat.seen else "", seen.beat.holder),
            ]
        )
        problems = health.problems(seen)
        self.stdout.write("\n".join(problems) or "All is well.")
        if problems:
            sys.exit(1)

    def _table(self, rows: Sequence[Sequence[Any]]) -> None:
        cells = [["?" if cell is None else str(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        for row in cells:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        self.stdout.write("")

    def _chosen(self, options: dict[str, Any]) -> QuerySet[Job]:
        dead = Job.objects.filter(state=State.DEAD)
        if options["ids"]:
            return dead.filter(pk__in=options["ids"])
        if options["task"]:
            return dead.filter(task=options["task"])
        if not options["all"]:
            raise CommandError("Which? Name their ids, or --task NAME, or --all.")
        return dead

    def plan(self, options: dict[str, Any]) -> None:
        if options["wait"] < 0:
            raise CommandError("A wait cannot be negative. Say 0 for jobs that must begin at once.")
        try:
            loads = capacity.suppose(capacity.measured(options["hours"]), options["rate"])
        except capacity.NotMeasuredError as error:
            raise CommandError(str(error)) from error
        for line in capacity.table(loads, options["wait"]):
            self.stdout.write(line)

    def connections(self, options: dict[str, Any]) -> None:
        workers = dict.fromkeys(settings.WORKLOADS, 1) | _counts(options["workers"])
        counted = connections.connections_needed(workers, options["web"], options["beats"])
        total, allowed = sum(counted.values()), connections.connections_allowed()
        self._table([("PROCESSES", "CONNECTIONS"), *counted.items(), ("in all", total)])
        if allowed is None or total <= allowed:
            return
        raise CommandError(
            f"The database allows {allowed}. Raise its max_connections, or put a pooler in front of it and set "
            "DATABASE_POOLER=true."
        )


def _count(text: str) -> int:
    """Raises ArgumentTypeError for what is no number, or a negative one, or out of all proportion."""
    if not text.isdecimal() or int(text) > MOST:
        raise ArgumentTypeError(f"{text} is no count. Write a number from 0 to {MOST}.")
    return int(text)


def _counts(given: Sequence[str]) -> dict[str, int]:
    """CLASS=N, as numbers by class. Raises CommandError for what is no class or no number."""
    pairs = dict(pair.partition("=")[::2] for pair in given)
    if wrong := [
        f"{name}={count}" for name, count in pairs.items() if name not in settings.WORKLOADS or not count.isdecimal()
    ]:
        raise CommandError(f"{wrong[0]} is no CLASS=N. The classes are: {', '.join(settings.WORKLOADS)}.")
    return {name: int(count) for name, count in pairs.items()}


def _seconds(age: float | None) -> str:
    return "-" if age is None else f"{age:.0f} s"
