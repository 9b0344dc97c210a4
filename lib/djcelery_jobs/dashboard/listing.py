"""Lists of jobs for people: the dead ones, page by page, and those that match what somebody looks for.

Each is bounded whatever the table holds: by an index and a limit, and pages go on from a key instead of counting.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast, Left, Right

from djcelery_jobs.models import SUBJECT_LENGTH, UNFINISHED, Job, State, job_id

PAGE = 50  # jobs
LONGEST_QUERY = 200  # characters
# How many of the newest jobs are looked through for what no index finds. Twice: of the finished and of the others.
RECENT = 2000
LOOKED_AT = 1000  # characters of their arguments
# The end of a traceback says what went wrong. Its whole is on the page of the job.
TRACEBACK_SHOWN = 4000  # characters
SHOWN = ["id", "task", "queue", "state", "key", "args", "kwargs", "error", "attempts", "starts", "worker"]
TIMES = ["created_at", "started_at", "waiting_since", "publish_at", "finished_at"]


@dataclass(frozen=True)
class Page:
    """Some of the jobs, the newest first. older: what to ask for to get those after them, empty at the end."""

    jobs: list[Job]
    older: str


def dead(older: str = "", size: int = PAGE) -> Page:
    """A page of the dead letters. older: from the page before; nonsense counts as none."""
    jobs = Job.objects.filter(state=State.DEAD)
    if key := _key(older):
        created_at, pk = key
        jobs = jobs.filter(created_at__lte=created_at).exclude(created_at=created_at, pk__gte=pk)
    found = list(_shown(jobs.order_by("-created_at", "-pk"))[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return Page(found[:size], f"{last.created_at.isoformat()},{last.pk}" if last else "")


def find(words: str) -> list[Job]:
    """Jobs whose id, key or first argument this is, or that have it in them and are recent; the newest first."""
    words = words.replace("\0", "").strip()[:LONGEST_QUERY]
    if not words:
        return []
    newest: dict[uuid.UUID, Job] = {}
    for jobs in (*_exactly(words), *_recently(words)):
        newest |= {job.pk: job for job in _shown(jobs)[:PAGE]}
    return sorted(newest.values(), key=lambda job: job.created_at, reverse=True)[:PAGE]


def chosen(ids: Iterable[str]) -> QuerySet[Job]:
    """The dead jobs among those with these ids; nonsense is no job."""
    return _shown(Job.objects.filter(pk__in=list(_uuids(ids)), state=State.DEAD).order_by("-created_at"))


def _exactly(words: str) -> Iterator[QuerySet[Job]]:
    """By an index each."""
    yield Job.objects.filter(pk=job_id(words))
    yield Job.objects.filter(key=words).order_by("-created_at")
    yield Job.objects.filter(subject=words[:SUBJECT_LENGTH]).order_by("-created_at")


def _recently(words: str) -> Iterator[QuerySet[Job]]:
    """By a look through the newest, here and not in the database, which would rather look through the whole table."""
    unfinished = Job.objects.filter(state__in=UNFINISHED).order_by("-publish_at")
    finished = Job.objects.exclude(state__in=UNFINISHED).order_by("-finished_at")
    sought = {words.lower(), json.dumps(words)[1:-1].lower()}  # as it is, and as some databases keep it in JSON
    texts = {f"{name}_text": Left(Cast(name, TextField()), LOOKED_AT) for name in ("args", "kwargs")}
    for newest in (unfinished, finished):
        rows = newest.annotate(**texts).values_list("pk", "task", "error", *texts)[:RECENT]
        found = [pk for pk, *held in rows if any(each in text.lower() for text in held for each in sought)]
        yield Job.objects.filter(pk__in=found[:PAGE]).order_by("-created_at")


def _shown(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Only what is shown: the whole of a traceback may be long."""
    return jobs.only(*SHOWN, *TIMES).annotate(traceback_end=Right(F("traceback"), TRACEBACK_SHOWN))


def _key(older: str) -> tuple[datetime, uuid.UUID] | None:
    created_at, _, pk = older.partition(",")
    try:
        when = datetime.fromisoformat(created_at)
        return (when, uuid.UUID(pk)) if when.tzinfo else None
    except ValueError:
        return None


def _uuids(ids: Iterable[str]) -> Iterator[uuid.UUID]:
    for text in ids:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue
