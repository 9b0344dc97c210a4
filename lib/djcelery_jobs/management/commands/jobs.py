"""`manage.py jobs`: see jobs, decide about them, pause queues, check the health of the workers, plan capacity."""

import getpass
import json
import sys
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from celery.exceptions import OperationalError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from djcelery_jobs import operations
from djcelery_jobs.core import bulk
from djcelery_jobs.core.selection import STATES, JobFilter, state_of
from djcelery_jobs.dashboard import capacity, health, wording
from djcelery_jobs.dashboard.snapshot import QueueState, WorkerState, take_snapshot
from djcelery_jobs.models import Job
from djcelery_jobs.telemetry.redaction import scrub
from djcelery_jobs.worker import connections

LONGEST_VALUE = 20_000  # characters, such as of a traceback
LARGEST_COUNT = 1_000_000  # of lines, processes or hours
BATCH = 500  # jobs in one transaction
KINDS = ["queue", "task", "entry"]
FILTERS = {
    "queue": "jobs of this queue",
    "task": "jobs of this task",
    "error": "jobs that failed with this class of error, such as ValueError",
    "since": "jobs dispatched at or after this date or time",
    "until": "jobs dispatched before this date or time",
    "text": "jobs with this text in their id, key, task, error or arguments",
}
SHOWN = ["id", "task", "queue", "attempts", "created_at", "publish_at", "started_at", "finished_at", "worker"]
SHOWN += ["dispatched_by", "caused_by", "replaces", "cancelled_by", "key"]


class Command(BaseCommand):
    help = "See jobs and decide about them, pause queues, check the health of the workers, and plan capacity."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(
            dest="action",
            required=True,
            metavar="list | show | requeue | discard | cancel | run | pause | resume | health | plan | connections",
        )

        def add(name: str, text: str) -> ArgumentParser:
            action: ArgumentParser = actions.add_parser(name, help=text)
            action.add_argument("--json", action="store_true", help="write JSON, for scripts")
            return action

        self._add_listing(add("list", "list jobs, the newest first"))
        add("show", "show one job").add_argument("id", type=uuid.UUID)
        self._add_requeueing(add("requeue", "send dead or cancelled jobs again"))
        self._add_selection(add("discard", "discard dead jobs"), "dead")
        self._add_selection(add("cancel", "cancel waiting, delayed and running durable jobs"), "unfinished")
        self._add_running(add("run", "run delayed jobs, or an entry of the schedule, now"))
        self._add_pause(add("pause", "pause a queue, a task or a schedule entry; without a name, list what is paused"))
        self._add_pause(add("resume", "end a pause"), nargs=None)
        self._add_planning(add("plan", "compute how many processes each class needs"))
        self._add_counting(
            add("connections", "count the database connections needed; exit with 1 if the database allows fewer")
        )
        add("health", "show queues, workers and beat; exit with 1 if there is a problem")

    def _add_listing(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--state", choices=[*STATES, "all"], default="dead", help="jobs in this state (default: %(default)s)"
        )
        self._add_filter(parser)
        parser.add_argument("--limit", type=_count, default=50, help="maximum number of lines (default: %(default)s)")

    def _add_filter(self, parser: ArgumentParser) -> None:
        for name, text in FILTERS.items():
            parser.add_argument(f"--{name}", default="", help=text)

    def _add_selection(self, parser: ArgumentParser, kind: str) -> None:
        parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID")
        self._add_filter(parser)
        parser.add_argument("--all", action="store_true", help=f"all {kind} jobs")
        parser.add_argument("--background", action="store_true", help="let beat do it, batch by batch, and return")

    def _add_requeueing(self, parser: ArgumentParser) -> None:
        self._add_selection(parser, "dead")
        parser.add_argument("--cancelled", action="store_true", help="cancelled jobs instead of dead ones")
        for name, kind, text in (("args", list, "arguments"), ("kwargs", dict, "keyword arguments")):
            parser.add_argument(
                f"--{name}", dest=f"new_{name}", type=_json(kind), help=f"other {text} for one dead job, as JSON"
            )

    def _add_running(self, parser: ArgumentParser) -> None:
        self._add_selection(parser, "delayed")
        parser.add_argument("--entry", help="the schedule entry to run")

    def _add_pause(self, parser: ArgumentParser, nargs: str | None = "?") -> None:
        parser.add_argument("kind", choices=KINDS, nargs=nargs, help="what to pause or resume")
        parser.add_argument("name", nargs=nargs, help="its name")

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
        try:
            getattr(self, options["action"])(options)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(
                "The broker is not reachable. Try again when it is back. Jobs not sent yet are still dead."
            ) from error

    def _answer(self, options: dict[str, Any], answer: Any, words: str) -> None:
        """Write the answer as JSON or in words."""
        self.stdout.write(json.dumps(answer, cls=DjangoJSONEncoder, indent=2) if options["json"] else words)

    # -- Jobs

    def list(self, options: dict[str, Any]) -> None:
        selection = _filter(options, "" if options["state"] == "all" else options["state"])
        candidates = selection.jobs().order_by("-created_at", "-pk").iterator(chunk_size=BATCH)
        jobs = islice((job for job in candidates if selection.shows(job)), options["limit"])
        if options["json"]:
            self._answer(options, [_as_json(job) for job in jobs], "")
            return
        first = next(jobs, None)
        if first is None and options["limit"]:  # not on stdout, so that a script that counts its lines counts none
            self.stderr.write(f"No {selection.state} job matches.".replace("  ", " "), self.style.NOTICE)
        for job in (first, *jobs) if first else ():
            state = f"{state_of(job):9}  " if options["state"] == "all" else ""
            error = scrub(job.error)
            when = f"{job.created_at:%Y-%m-%d %H:%M:%S}"
            self.stdout.write(f"{job.pk}  {when}  {state}{job.queue:10}  {job.task}  {error}")

    def show(self, options: dict[str, Any]) -> None:
        job = Job.objects.filter(pk=options["id"]).first()
        if job is None:
            raise CommandError(f"No job has the ID {options['id']}. List finished jobs with: jobs list --state done")
        values = {field.verbose_name: getattr(job, field.name) for field in Job._meta.fields}
        words = [f"{name:14} {scrub(value, length=LONGEST_VALUE)}" for name, value in values.items()]
        self._answer(options, _as_json(job), "\n".join(words))

    def requeue(self, options: dict[str, Any]) -> None:
        if options["new_args"] is not None or options["new_kwargs"] is not None:
            self._requeue_with(options)
            return
        state = "cancelled" if options["cancelled"] else "dead"
        count = self._decide(options, operations.send_again, state)
        self._report(options, count, wording.jobs(count, state), "sent again")

    def _requeue_with(self, options: dict[str, Any]) -> None:
        if len(options["ids"]) != 1:
            raise CommandError("--args and --kwargs are for one job. Pass its ID and no other.")
        [job] = options["ids"]
        args, kwargs = options["new_args"] or [], options["new_kwargs"]
        try:
            new = operations.send_again_with(job, args, kwargs, by=getpass.getuser())
        except (Job.DoesNotExist, TypeError) as error:
            raise CommandError(str(error)) from error
        self._answer(options, {"action": "requeue", "job": new, "replaces": job}, f"{job} sent again as {new}.")

    def discard(self, options: dict[str, Any]) -> None:
        count = self._decide(options, operations.discard, "dead")
        self._report(options, count, wording.jobs(count, "dead"), "discarded")

    def cancel(self, options: dict[str, Any]) -> None:
        count = self._decide(options, operations.cancel, "")
        self._report(options, count, wording.jobs(count, ""), "cancelled")

    def run(self, options: dict[str, Any]) -> None:
        if entry := options["entry"]:
            job = operations.run_entry(entry, by=getpass.getuser()).id
            self._answer(options, {"action": "run", "entry": entry, "job": job}, f"{entry} runs now, as {job}.")
            return
        count = self._decide(options, operations.run_now, "delayed")
        self._report(options, count, wording.jobs(count, "delayed"), "made due now")

    def _decide(self, options: dict[str, Any], decision: Callable[..., int], state: str) -> int | None:
        """Carry a decision out on the selected jobs, batch by batch, and return on how many. None: beat does it."""
        selection = _filter(options, state)
        if not (options["ids"] or options["all"] or selection.restricts):
            raise CommandError("No jobs selected. Pass job IDs, --task NAME, another filter, or --all.")
        if options["background"]:
            if options["ids"]:
                raise CommandError("--background is for a filter or --all. Leave the IDs or --background out.")
            operations.act_on_all(options["action"], selection, by=getpass.getuser())
            return None
        jobs = _candidates(options, selection)
        columns = selection.VISIBLE if selection.text else ["id"]
        wanted = iter([job.pk for job in jobs.only(*columns).iterator(chunk_size=BATCH) if selection.shows(job)])
        count = 0
        while batch := list(islice(wanted, BATCH)):
            count += decision(Job.objects.filter(pk__in=batch), by=getpass.getuser())
        return count

    def _report(self, options: dict[str, Any], count: int | None, jobs: str, past: str) -> None:
        answer = {"action": options["action"], "jobs": count}
        words = f"{jobs} {past}." if count is not None else "Beat does it in the background. The jobs page shows it."
        self._answer(options, answer, words)

    # -- Pauses

    def pause(self, options: dict[str, Any]) -> None:
        if options["kind"] is None:
            pauses = operations.pauses_now()
            columns = ["kind", "name", "paused_by", "paused_at"]
            answer = [{name: getattr(pause, name) for name in columns} for pause in pauses]
            words = [f"{pause.kind} {pause.name}, by {pause.paused_by} at {pause.paused_at:%c}" for pause in pauses]
            self._answer(options, answer, "\n".join(words) or "Nothing is paused.")
            return
        if options["name"] is None:
            raise CommandError(f"Name the {options['kind']} to pause: jobs pause {options['kind']} NAME")
        self._change_pause(options, "paused", "is paused already")

    def resume(self, options: dict[str, Any]) -> None:
        self._change_pause(options, "resumed", "is not paused")

    def _change_pause(self, options: dict[str, Any], past: str, without_effect: str) -> None:
        kind, name = options["kind"], options["name"]
        is_changed = getattr(operations, f"{options['action']}_{kind}")(name, by=getpass.getuser())
        words = f"The {kind} {name} {f'is {past}' if is_changed else without_effect}."
        self._answer(options, {"action": options["action"], "kind": kind, "name": name, "changed": is_changed}, words)

    # -- The whole

    def health(self, options: dict[str, Any]) -> None:
        parts = health.parts()
        if options["json"]:
            self._health_as_json(parts)
            return
        self._table([(name, part) for name, part in parts.items()])
        if parts["database"] != "ok":
            raise CommandError(f"Database: {parts['database']}. Everything else needs the database.")
        snapshot = take_snapshot()
        self._table([QUEUE_COLUMNS, *map(_queue_row, snapshot.queues)])
        if pauses := operations.pauses_now():
            self._table([("PAUSED", "NAME", "BY"), *((pause.kind, pause.name, pause.paused_by) for pause in pauses)])
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

    def _health_as_json(self, parts: dict[str, str]) -> None:
        answer: dict[str, Any] = {"parts": parts, "problems": [f"Database: {parts['database']}."]}
        if parts["database"] == "ok":
            snapshot = take_snapshot()
            answer |= {"problems": health.problems(snapshot)} | asdict(snapshot)
        self._answer({"json": True}, answer, "")
        if answer["problems"]:
            sys.exit(1)

    def _table(self, rows: Sequence[Sequence[Any]]) -> None:
        cells = [["?" if cell is None else str(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        for row in cells:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        self.stdout.write("")

    def plan(self, options: dict[str, Any]) -> None:
        if options["wait"] < 0:
            raise CommandError("Invalid value for --wait: must not be negative. Use 0 for an immediate start.")
        try:
            loads = capacity.with_rates(capacity.measure_loads(options["hours"]), options["rate"])
        except capacity.NotMeasuredError as error:
            raise CommandError(str(error)) from error
        needed = {name: capacity.processes_needed(load, options["wait"]) for name, load in loads.items()}
        answer = {name: asdict(load) | {"needed": needed[name]} for name, load in loads.items()}
        self._answer(options, answer, "\n".join(capacity.table(loads, options["wait"])))

    def connections(self, options: dict[str, Any]) -> None:
        workers = dict.fromkeys(settings.WORKLOADS, 1) | _counts(options["workers"])
        counted = connections.connections_needed(workers, options["web"], options["beats"])
        total, allowed = sum(counted.values()), connections.connections_allowed()
        if options["json"]:
            self._answer(options, {"needed": counted, "total": total, "allowed": allowed}, "")
        else:
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


def _json(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ArgumentTypeError(f"must be JSON, got {text!r}: {error}") from error
        if not isinstance(value, kind):
            raise ArgumentTypeError(f"must be a JSON {'list' if kind is list else 'object'}, got {text!r}")
        return value

    return parse


def _filter(options: dict[str, Any], in_state: str) -> JobFilter:
    return JobFilter.parse({name: options[name] for name in FILTERS} | {"state": in_state})


def _candidates(options: dict[str, Any], selection: JobFilter) -> QuerySet[Job]:
    jobs = bulk.candidates(options["action"], selection)
    return jobs.filter(pk__in=options["ids"]) if options["ids"] else jobs


def _as_json(job: Job) -> dict[str, Any]:
    """Return a job without secrets."""
    values = {name: getattr(job, name) for name in SHOWN}
    values |= {"state": state_of(job)}
    return values | {name: scrub(getattr(job, name)) for name in ("error", "args", "kwargs")}


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
