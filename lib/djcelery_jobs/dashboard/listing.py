"""List jobs for people: page by page by a filter, one with its life, and failures in groups.

Each query is bounded whatever the table holds: by an index and a limit. Pages go on from a key instead of counting.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast, Left, Right
from django.utils.dateparse import parse_datetime

from djcelery_jobs.core import bulk
from djcelery_jobs.core.selection import JobFilter, page_key, page_key_of, with_id
from djcelery_jobs.models import SUBJECT_LENGTH, Cancellation, Job, State, database_alias, job_id
from djcelery_jobs.telemetry.redaction import scrub

PAGE = 50  # jobs
# How many jobs one page reads where no index leads to those that match. The next page continues after them.
SCANNED = 5_000
SCANNED_FOR_TEXT = 2_000
SEARCHED = 1000  # characters of the arguments
CANDIDATES = 500  # jobs whose visible text is compared on one page
COUNTED = 200_000  # jobs that match are counted up to here
GROUPED = 2_000  # dead jobs that are grouped, the newest
# The end of a traceback says what went wrong. The page of the job shows all of it.
TRACEBACK_SHOWN = 4000  # characters
CAUSED = 50  # jobs that a job has dispatched
GROUPS = 100
SHOWN = ["id", "task", "queue", "state", "key", "args", "kwargs", "error", "attempts", "starts", "worker", "held"]
SHOWN += ["cancelled_by"]
TIMES = ["created_at", "started_at", "waiting_since", "publish_at", "finished_at"]


@dataclass(frozen=True)
class Page:
    """Hold some jobs, the newest first.

    older: the key of the page after them, empty at the end. searched_until: with a filter that no index helps, the
    dispatch of the oldest job that was looked at. None: all were.
    """

    jobs: list[Job]
    older: str
    searched_until: datetime | None = None


def page(selection: JobFilter, older: str = "", size: int = PAGE) -> Page:
    """Return a page of the jobs that match. older: the key from the page before; a malformed one is ignored."""
    if selection.is_indexed:
        rows = list(_for_display(_newest(selection, older))[: size + 1])
        return Page(rows[:size], page_key(rows[size - 1]) if len(rows) > size else "")
    ids, end = _scan(selection, older)
    jobs = _for_display(Job.objects.filter(pk__in=ids)) if ids else []
    rows = [job for job in jobs if selection.shows(job)]
    if selection.text and not older:
        rows = list({*rows, *_found_by_index(selection)})
    rows.sort(key=lambda job: (job.created_at, job.pk), reverse=True)
    if len(rows) > size:
        return Page(rows[:size], page_key(rows[size - 1]))
    return Page(rows, page_key(end), end.created_at) if end else Page(rows, "")


def _newest(selection: JobFilter, older: str) -> QuerySet[Job]:
    """Return the jobs that an index leads to, in its order."""
    jobs = replace(selection, queue="", task="", error="", text="").jobs()
    if key := page_key_of(older):
        created_at, pk = key
        jobs = jobs.filter(created_at__lte=created_at).exclude(created_at=created_at, pk__gte=pk)
    return jobs.order_by("-created_at", "-pk")


def _scan(selection: JobFilter, older: str) -> tuple[list[uuid.UUID], Job | None]:
    """Return which of the next jobs may match, and the last that was looked at, or None if there are no more.

    They are compared here and not in the database, which would rather read the whole table.
    """
    columns, texts, limit = ["pk", "created_at", "task", "queue", "error_class"], {}, SCANNED
    if selection.text:
        texts = {f"{name}_text": Left(Cast(name, TextField()), SEARCHED) for name in ("args", "kwargs")}
        columns, limit = [*columns, "error", *texts], SCANNED_FOR_TEXT
    rows = list(_newest(selection, older).annotate(**texts).values(*columns)[:limit])
    matching = [row for row in rows if _may_match(selection, row)]
    last = rows[-1] if len(rows) == limit else None
    if len(matching) > CANDIDATES:
        last = matching[CANDIDATES - 1]
    end = Job(pk=last["pk"], created_at=last["created_at"]) if last else None
    return [row["pk"] for row in matching[:CANDIDATES]], end


def _may_match(selection: JobFilter, row: dict[str, Any]) -> bool:
    text, error = selection.text.lower(), row["error_class"]
    patterns = {text, json.dumps(selection.text)[1:-1].lower()}  # as it is, and as some databases store it in JSON
    searched = [str(row[name]).lower() for name in ("task", "error", "args_text", "kwargs_text") if name in row]
    return (
        selection.task in ("", row["task"])
        and selection.queue in ("", row["queue"])
        and (not selection.error or error == selection.error or error.endswith(f".{selection.error}"))
        and (not text or any(pattern in words for words in searched for pattern in patterns))
    )


def _found_by_index(selection: JobFilter) -> list[Job]:
    """Return the jobs, however old, that have this text as id, the beginning of it, key or first argument."""
    others = replace(selection, text="").jobs()
    by_index = [with_id(selection.text), Q(key=selection.text), Q(subject=selection.text[:SUBJECT_LENGTH])]
    by_index.append(Q(pk=job_id(selection.text)))
    jobs = [job for rows in by_index for job in _for_display(others.filter(rows).order_by("-created_at"))[:PAGE]]
    return [job for job in jobs if job.pk == job_id(selection.text) or selection.shows(job)]


def count(action: str, selection: JobFilter) -> int:
    """Return how many jobs match and can be acted on like that, COUNTED at most.

    With a text only the newest jobs are looked at, since no index helps.
    """
    jobs = bulk.candidates(action, selection)
    if not selection.text:
        return jobs[:COUNTED].count()
    ids, _ = _scan(selection, "")
    found = jobs.filter(pk__in=[*ids, *(job.pk for job in _found_by_index(selection))])
    return sum(selection.shows(job) for job in found.only(*selection.VISIBLE))


def selected(ids: Iterable[str]) -> QuerySet[Job]:
    """Return the jobs with these ids. Malformed ids are ignored."""
    return _for_display(Job.objects.filter(pk__in=list(_uuids(ids))).order_by("-created_at"))


def jobs_of(subject: object, limit: int = 10) -> list[Job]:
    """Return the newest jobs whose first argument is this text, number or the key of this row."""
    key = getattr(subject, "pk", subject)
    jobs = Job.objects.filter(subject=str(key)) if key is not None else Job.objects.none()
    return list(_for_display(jobs.order_by("-created_at"))[:limit])


# -- One job


@dataclass(frozen=True)
class Moment:
    """Hold a moment in the life of a job. at: None for what goes on now. kind: for the style sheet."""

    at: datetime | None
    text: str
    kind: str = ""


def life(job: Job) -> list[Moment]:
    """Return what happened to a job so far, in order."""
    moments = [Moment(job.created_at, f"dispatched by {job.dispatched_by}" if job.dispatched_by else "dispatched")]
    moments += [
        Moment(_moment(run), f"run on {run['worker'] or 'a worker'} ended: {scrub(run['error'])}", "failed")
        for run in job.earlier_runs or []
    ]
    if job.waiting_since:
        moments.append(Moment(job.waiting_since, f"published to the queue {job.queue}"))
    if job.started_at:
        attempt = f"attempt {job.attempts + 1}" if job.attempts else "begun"
        moments.append(Moment(job.started_at, f"{attempt} on {job.worker or 'a worker'}"))
    cancellation = Cancellation.objects.filter(pk=job.pk).first()
    if cancellation:
        moments.append(Moment(cancellation.requested_at, f"{cancellation.requested_by} asked to cancel it", "failed"))
    if job.finished_at:
        by = f" by {job.cancelled_by}" if job.cancelled_by else ""
        ended = "failed permanently" if job.state == State.DEAD else job.get_state_display()
        moments.append(Moment(job.finished_at, f"{ended}{by}", str(job.state)))
    # The clock that says since when a job waits was read a moment before the one that says when it was dispatched.
    return sorted(moments, key=lambda moment: max(moment.at or job.created_at, job.created_at))


def _moment(run: dict[str, Any]) -> datetime | None:
    return parse_datetime(run["started_at"]) if run.get("started_at") else None


@dataclass(frozen=True)
class Relatives:
    """Hold what caused a job and what it caused."""

    cause: Job | None
    caused: list[Job]
    replaces: uuid.UUID | None
    replaced_by: Job | None


def relatives(job: Job) -> Relatives:
    """Return the jobs that a job has to do with."""
    return Relatives(
        cause=Job.objects.filter(pk=job.caused_by).only("task").first() if job.caused_by else None,
        caused=list(_for_display(Job.objects.filter(caused_by=job.pk).order_by("-created_at"))[:CAUSED]),
        replaces=job.replaces,
        replaced_by=Job.objects.filter(replaces=job.pk).only("task").first(),
    )


# -- Failures


@dataclass(frozen=True)
class Group:
    """Hold dead jobs that failed alike. newest: the one that failed last."""

    task: str
    error_class: str
    count: int
    newest: Job

    @property
    def selection(self) -> JobFilter:
        """Return the filter for them."""
        return JobFilter(state="dead", task=self.task, error=self.error_class)


def failures() -> tuple[list[Group], bool]:
    """Return the dead jobs in groups by task and class of error, the largest first, and whether there are more.

    The newest GROUPED are looked at. The database groups them, so that not each of them comes here.
    """
    dead = Job.objects.filter(state=State.DEAD).order_by("-created_at", "-pk")[:GROUPED]
    looked_at, params = dead.values(*GROUP_COLUMNS).query.get_compiler(using=database_alias()).as_sql()
    rows = list(Job.objects.raw(GROUP.format(looked_at=looked_at), params))
    jobs = {job.pk: job for job in selected(str(row.pk) for row in rows)}
    groups = [Group(row.task, row.error_class, row.count, jobs[row.pk]) for row in rows[:GROUPS] if row.pk in jobs]
    are_more = len(rows) > GROUPS or any(row.looked_at == GROUPED for row in rows[:1])
    return groups, are_more


GROUP_COLUMNS = ("id", "task", "error_class", "created_at")  # those of an index
# By hashes, since sorting texts takes longer than all the rest.
GROUP = f"""
    WITH "newest" AS (
        SELECT "dead".*, row_number() OVER (ORDER BY "created_at" DESC, "id" DESC) AS "place"
        FROM ({{looked_at}}) AS "dead"
    ), "grouped" AS (
        SELECT "task", "error_class", count(*) AS "count", min("place") AS "place" FROM "newest" GROUP BY 1, 2
    )
    SELECT "id", "newest"."task", "newest"."error_class", "count", (SELECT count(*) FROM "newest") AS "looked_at"
    FROM "grouped" JOIN "newest" ON "newest"."place" = "grouped"."place"
    ORDER BY "count" DESC, "grouped"."place" LIMIT {GROUPS + 1}
"""  # noqa: S608  our own names


def _for_display(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Load only what is shown: the whole of a traceback may be long."""
    return jobs.only(*SHOWN, *TIMES).annotate(traceback_end=Right(F("traceback"), TRACEBACK_SHOWN))


def _uuids(ids: Iterable[str]) -> Iterator[uuid.UUID]:
    for text in ids:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue
