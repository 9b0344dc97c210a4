"""List jobs for people: the dead letters, page by page, and the jobs that match a search.

Each query is bounded whatever the table holds: by an index and a limit. Pages go on from a key instead of counting.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast, Left, Right

from djcelery_jobs.dashboard import wording
from djcelery_jobs.models import SUBJECT_LENGTH, UNFINISHED, Job, State, job_id

PAGE = 50  # jobs
LONGEST_QUERY = 200  # characters
# How many of the newest jobs a search without an index reads: so many finished ones and so many others.
RECENT = 2000
SEARCHED = 1000  # characters of their arguments
# The end of a traceback says what went wrong. The page of the job has the whole.
TRACEBACK_SHOWN = 4000  # characters
SHOWN = ["id", "task", "queue", "state", "key", "args", "kwargs", "error", "attempts", "starts", "worker"]
TIMES = ["created_at", "started_at", "waiting_since", "publish_at", "finished_at"]


@dataclass(frozen=True)
class Page:
    """Hold some jobs, the newest first. older: the key of the page after them, empty at the end."""

    jobs: list[Job]
    older: str


def dead_letters(older: str = "", size: int = PAGE) -> Page:
    """Return a page of the dead letters. older: the key from the page before; a malformed one means the first page."""
    jobs = Job.objects.filter(state=State.DEAD)
    if key := _page_key(older):
        created_at, pk = key
        jobs = jobs.filter(created_at__lte=created_at).exclude(created_at=created_at, pk__gte=pk)
    rows = list(_for_display(jobs.order_by("-created_at", "-pk"))[: size + 1])
    last = rows[size - 1] if len(rows) > size else None
    return Page(rows[:size], f"{last.created_at.isoformat()},{last.pk}" if last else "")


def find(words: str) -> list[Job]:
    """Return the jobs with this id, key or first argument, and recent ones that contain it; the newest first.

    Only what the page shows is searched. Otherwise a search would reveal what the page hides.
    """
    words = words.replace("\0", "").strip()[:LONGEST_QUERY]
    if not words:
        return []
    by_id_or_key = [Job.objects.filter(pk=job_id(words)), Job.objects.filter(key=words)]
    by_contents = [Job.objects.filter(subject=words[:SUBJECT_LENGTH]), *_recent_with(words)]
    jobs = {job.pk: job for rows in by_id_or_key for job in _for_display(rows.order_by("-created_at"))[:PAGE]}
    for rows in by_contents:
        jobs |= {job.pk: job for job in _visible_matches(rows.order_by("-created_at"), words)}
    return sorted(jobs.values(), key=lambda job: job.created_at, reverse=True)[:PAGE]


def dead_jobs(ids: Iterable[str]) -> QuerySet[Job]:
    """Return the dead jobs among those with these ids. Malformed ids are ignored."""
    return _for_display(Job.objects.filter(pk__in=list(_uuids(ids)), state=State.DEAD).order_by("-created_at"))


def _recent_with(words: str) -> Iterator[QuerySet[Job]]:
    """Search the newest rows here and not in the database, which would rather read the whole table."""
    unfinished = Job.objects.filter(state__in=UNFINISHED).order_by("-publish_at")
    finished = Job.objects.exclude(state__in=UNFINISHED).order_by("-finished_at")
    patterns = {words.lower(), json.dumps(words)[1:-1].lower()}  # as it is, and as some databases store it in JSON
    texts = {f"{name}_text": Left(Cast(name, TextField()), SEARCHED) for name in ("args", "kwargs")}
    for newest in (unfinished, finished):
        rows = newest.annotate(**texts).values_list("pk", "task", "error", *texts)[:RECENT]
        matching = [pk for pk, *columns in rows if any(p in text.lower() for text in columns for p in patterns)]
        yield Job.objects.filter(pk__in=matching)


def _visible_matches(jobs: QuerySet[Job], words: str) -> list[Job]:
    """Return the first jobs that have the words in what the page shows of them, without secrets."""
    pattern, matches = _comparable(words), list[Job]()
    for start in range(0, RECENT, PAGE):
        rows = list(_for_display(jobs)[start : start + PAGE])
        matches += [job for job in rows if pattern in _comparable(_visible_text(job))]
        if len(rows) < PAGE or len(matches) >= PAGE:
            break
    return matches


def _visible_text(job: Job) -> str:
    return "\n".join([job.task, wording.error(job), wording.arguments(job)])


def _comparable(text: str) -> str:
    """Return the text without case, escapes in JSON and hyphens, which UUIDs among arguments do not have."""
    return text.lower().replace("\\", "").replace("-", "")


def _for_display(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Load only what is shown: the whole of a traceback may be long."""
    return jobs.only(*SHOWN, *TIMES).annotate(traceback_end=Right(F("traceback"), TRACEBACK_SHOWN))


def _page_key(older: str) -> tuple[datetime, uuid.UUID] | None:
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
