"""`manage.py jobs`: inspect jobs, requeue or discard dead ones, check the health of the workers, plan capacity."""

import getpass
import sys
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from typing import Any

from celery.exceptions import OperationalError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from djcelery_jobs.core import dead_letters
from djcelery_jobs.dashboard import capacity, health, wording
from djcelery_jobs.dashboard.snapshot import QueueState, WorkerState, take_snapshot
from djcelery_jobs.models import Job, State
from djcelery_jobs.telemetry.redaction import scrub
from djcelery_jobs.worker import connections

LONGEST_VALUE = 20_000  # characters, such as of a traceback
LARGEST_COUNT = 1_000_000  # of lines, processes or hours


class Command(BaseCommand):
    help = "Inspect jobs, requeue or discard dead ones, check the health of the workers, and plan capacity."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action", required=True, metavar="list | show | requeue | discard | health | plan | connections"
        )
        self._add_listing(actions.add_parser("list", help="list jobs, the newest first"))
        actions.add_parser("show", help="show one job").add_argument("id", type=uuid.UUID)
        self._add_selection(actions.add_parser("requeue", help="send dead jobs again"))
        self._add_selection(actions.add_parser("discard", help="discard dead jobs, by ID also waiting ones"))
        self._add_planning(actions.add_parser("plan", help="compute how many processes each class needs"))
        self._add_counting(
            actions.add_parser(
                "connections", help="count the database connections needed; exit with 1 if the database allows fewer"
            )
        )
        actions.add_parser("health", help="show queues, workers and beat; exit with 1 if there is a problem")

    def _add_listing(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--state", choices=State.values, default=State.DEAD, help="list jobs in this state (default: %(default)s)"
        )
        parser.add_argument("--task", help="list jobs of this task only")
        parser.add_argument("--limit", type=_count, default=50, help="maximum number of lines (default: %(default)s)")

    def _add_selection(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID")
        parser.add_argument("--task", help="all dead jobs of this task")
        parser.add_argument("--all", action="store_true", help="all dead jobs")

    def _add_planning(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=5.0, help="seconds that a job may wait (default: 5)")
        parser.add_argument("--hours", type=_count, default=24, help="hours to look back (default: %(default)s)")
        parser.add_argument("--rate", action="append", default=[], metavar="CLASS=N", help="assume N jobs per second")

    def _add_counting(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--workers", action="append", default=[], metavar="CLASS=N", help="workers of a class (default: 1 of each)"
        )
        parser.add_argument("--web", type=_count, default=2, help="web server processes (default: %(default)s)")
        parser.add_argument("--beats", type=_count, default=1, help="beats (default: %(default)s)")

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
            raise CommandError(f"No job has the ID {options['id']}. List finished jobs with: jobs list --state done")
        for field in Job._meta.fields:
            self.stdout.write(f"{field.verbose_name:14} {scrub(getattr(job, field.name), length=LONGEST_VALUE)}")

    def requeue(self, options: dict[str, Any]) -> None:
        try:
            count = dead_letters.requeue(self._selected(options), by=getpass.getuser())
        except OperationalError as error:
            raise CommandError(
                "The broker is not reachable. Try again when it is back. Jobs not sent yet are still dead."
            ) from error
        self.stdout.write(f"{wording.dead_jobs(count)} sent again.")

    def discard(self, options: dict[str, Any]) -> None:
        count = dead_letters.discard(self._selected(options), by=getpass.getuser())
        self.stdout.write(f"{wording.dead_jobs(count)} discarded.")
        # Only those that were named: `--all` means all dead jobs.
        named = Job.objects.filter(pk__in=options["ids"])
        if options["ids"] and (cancelled := dead_letters.cancel(named, by=getpass.getuser())):
            self.stdout.write(f"{cancelled} waiting or delayed {'job' if cancelled == 1 else 'jobs'} discarded.")

    def health(self, options: dict[str, Any]) -> None:
        parts = health.parts()
        self._table([(name, part) for name, part in parts.items()])
        if parts["database"] != "ok":
            raise CommandError(f"Database: {parts['database']}. Everything else needs the database.")
        snapshot = take_snapshot()
        self._table([QUEUE_COLUMNS, *map(_queue_row, snapshot.queues)])
        beat = snapshot.beat
        self._table(
            [
                WORKER_COLUMNS,
                *map(_worker_row, snapshot.workers),
                ("beat", "", "", f"{beat.seen:%H:%M:%S}" if beat.seen else "", beat.holder),
            ]
        )
        problems = health.problems(snapshot)
        self.stdout.write("\n".join(problems) or "No problems found.")
        if problems:
            sys.exit(1)

    def _table(self, rows: Sequence[Sequence[Any]]) -> None:
        cells = [["?" if cell is None else str(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        for row in cells:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        self.stdout.write("")

    def _selected(self, options: dict[str, Any]) -> QuerySet[Job]:
        dead = Job.objects.filter(state=State.DEAD)
        if options["ids"]:
            return dead.filter(pk__in=options["ids"])
        if options["task"]:
            return dead.filter(task=options["task"])
        if not options["all"]:
            raise CommandError("No jobs selected. Pass job IDs, --task NAME or --all.")
        return dead

    def plan(self, options: dict[str, Any]) -> None:
        if options["wait"] < 0:
            raise CommandError("Invalid value for --wait: must not be negative. Use 0 for an immediate start.")
        try:
            loads = capacity.with_rates(capacity.measure_loads(options["hours"]), options["rate"])
        except capacity.NotMeasuredError as error:
            raise CommandError(str(error)) from error
        for line in capacity.table(loads, options["wait"]):
            self.stdout.write(line)

    def connections(self, options: dict[str, Any]) -> None:
        workers = dict.fromkeys(settings.WORKLOADS, 1) | _counts(options["workers"])
        counted = connections.connections_needed(workers, options["web"], options["beats"])
        total, allowed = sum(counted.values()), connections.connections_allowed()
        self._table([("PROCESSES", "CONNECTIONS"), *counted.items(), ("total", total)])
        if allowed is None or total <= allowed:
            return
        raise CommandError(
            f"The database allows {allowed} connections. Raise its max_connections, or put a connection pooler in "
            "front of it and set DATABASE_POOLER=true."
        )


def _count(text: str) -> int:
    """Parse a count. Raise ArgumentTypeError for anything but a number from 0 to LARGEST_COUNT."""
    if not text.isdecimal() or int(text) > LARGEST_COUNT:
        raise ArgumentTypeError(f"must be a number from 0 to {LARGEST_COUNT}, got {text!r}")
    return int(text)


def _counts(pairs: Sequence[str]) -> dict[str, int]:
    """Parse CLASS=N pairs. Raise CommandError for an unknown class or a malformed number."""
    counts = {}
    for pair in pairs:
        name, _, count = pair.partition("=")
        if name not in settings.WORKLOADS or not count.isdecimal():
            classes = ", ".join(settings.WORKLOADS)
            raise CommandError(f"Invalid value for --workers: {pair!r}. Write CLASS=N. The classes are: {classes}.")
        counts[name] = int(count)
    return counts


QUEUE_COLUMNS = ("QUEUE", "WAITING", "OLDEST", "RUNNING", "WORKERS", "PER MINUTE", "DEAD")
WORKER_COLUMNS = ("WORKER", "QUEUES", "RUNNING", "SEEN", "")


def _queue_row(queue: QueueState) -> Sequence[Any]:
    oldest = "-" if queue.oldest is None else f"{queue.oldest:.0f} s"
    return queue.name, queue.waiting, oldest, queue.running, queue.consumers, queue.rate, queue.dead


def _worker_row(worker: WorkerState) -> Sequence[Any]:
    seen = f"{worker.seen:%H:%M:%S}"
    return worker.name, ", ".join(worker.queues), worker.running, seen, "" if worker.alive else "gone"
