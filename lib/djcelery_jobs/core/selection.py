"""Select jobs by a filter, which the page, `manage.py jobs` and code share."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Left
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from djcelery_jobs.models import SUBJECT_LENGTH, Job, State
from djcelery_jobs.telemetry.redaction import scrub

# The states as people call them, each with its rows.
STATES: dict[str, Q] = {
    "waiting": Q(state=State.WAITING, started_at__isnull=True),
    "running": Q(state=State.WAITING, started_at__isnull=False),
    "delayed": Q(state__in=[State.DELAYED, State.NEXT]),
    "done": Q(state=State.DONE),
    "dead": Q(state=State.DEAD),
    "cancelled": Q(state=State.CANCELLED),
    "discarded": Q(state=State.DISCARDED),
}
LONGEST = 200  # characters of a value
SEARCHED = 1000  # characters of the arguments
ID_PREFIX = re.compile(r"[0-9a-f]{4,32}")


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Select jobs. A field that is empty or None does not restrict the selection.

    state: one of STATES. queue, task: by name. error: the class of the error, such as "ValueError".
    since, until: when the job was dispatched. text: the id or its beginning, the key, or a part of the task's name, of
    the error or of the arguments, as far as people see them.
    """

    VISIBLE: ClassVar = ("id", "key", "task", "error", "args", "kwargs")  # the columns that shows() reads

    state: str = ""
    queue: str = ""
    task: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if self.state and self.state not in STATES:
            raise ValueError(f"Invalid value for state: {self.state!r}. Choose from: {', '.join(STATES)}.")

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> JobFilter:
        """Return the filter that texts describe. Names that are no field are ignored. Raise ValueError for a value."""
        known: dict[str, Any] = {
            name: str(values[name]).replace("\0", "").strip()[:LONGEST] for name in FIELDS if values.get(name)
        }
        known |= {name: _time(name, known[name]) for name in ("since", "until") if name in known}
        return cls(**known)

    def as_texts(self) -> dict[str, str]:
        """Return what parse() reads, without what does not restrict."""
        values = {name: value for name, value in asdict(self).items() if value}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.as_texts().items()) or "all jobs"

    def jobs(self) -> QuerySet[Job]:
        """Return the jobs that match, in no particular order."""
        jobs = Job.objects.filter(STATES[self.state]) if self.state else Job.objects.all()
        exact = {"queue": self.queue, "task": self.task, "created_at__gte": self.since, "created_at__lt": self.until}
        jobs = jobs.filter(**{name: value for name, value in exact.items() if value})
        if self.error:
            jobs = jobs.filter(Q(error_class=self.error) | Q(error_class__endswith=f".{self.error}"))
        return _with_text(jobs, self.text) if self.text else jobs

    def shows(self, job: Job) -> bool:
        """Return whether what people see of a job that jobs() returned has the text: without secrets.

        Otherwise a search would reveal what the pages hide.
        """
        text = _comparable(self.text)
        if not text or job.key == self.text or job.pk.hex.startswith(text):
            return True
        return text in _comparable("\n".join([job.task, scrub(job.error), call_text(job)]))

    @property
    def restricts(self) -> bool:
        """Return whether it says more than the state."""
        return any(value for name, value in self.as_texts().items() if name != "state")

    @property
    def is_indexed(self) -> bool:
        """Return whether an index leads to the jobs, so that no others are read on the way."""
        return not (self.queue or self.task or self.error or self.text)


FIELDS = [field.name for field in fields(JobFilter)]


def _with_text(jobs: QuerySet[Job], text: str) -> QuerySet[Job]:
    found = Q(subject=text[:SUBJECT_LENGTH]) | Q(key=text) | Q(task__icontains=text) | Q(error__icontains=text)
    for column in ("args", "kwargs"):
        jobs = jobs.alias(**{f"{column}_text": Left(Cast(column, TextField()), SEARCHED)})
        for pattern in {text, json.dumps(text)[1:-1]}:  # as it is, and as some databases store it in JSON
            found |= Q(**{f"{column}_text__icontains": pattern})
    return jobs.filter(found | with_id(text))


def state_of(job: Job) -> str:
    """Return the state of a job as people call it, one of STATES."""
    if job.state == State.WAITING:
        return "running" if job.started_at else "waiting"
    return "delayed" if job.state == State.NEXT else str(job.state)


def call_text(job: Job) -> str:
    """Return the arguments of a job as a call has them, without secrets."""
    words = [json.dumps(value, ensure_ascii=False) for value in scrub(job.args)]
    words += [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in scrub(job.kwargs).items()]
    return ", ".join(words)


def _comparable(text: str) -> str:
    """Return the text without case, escapes in JSON and hyphens, which UUIDs among arguments do not have."""
    return text.lower().replace("\\", "").replace("-", "")


def page_key(job: Job) -> str:
    """Return the place of a job in the order of dispatch."""
    return f"{job.created_at.isoformat()},{job.pk}"


def page_key_of(text: str) -> tuple[datetime, uuid.UUID] | None:
    """Read what page_key() returned. None for anything else."""
    created_at, _, pk = text.partition(",")
    try:
        when = datetime.fromisoformat(created_at)
        return (when, uuid.UUID(pk)) if when.tzinfo else None
    except ValueError:
        return None


def with_id(text: str) -> Q:
    """Return the condition that the id of a job begins with this text. Match nothing if no id can begin so."""
    digits = text.lower().replace("-", "")
    if not ID_PREFIX.fullmatch(digits):
        return Q(pk__in=[])
    return Q(pk__gte=uuid.UUID(digits.ljust(32, "0")), pk__lte=uuid.UUID(digits.ljust(32, "f")))


def _time(name: str, text: str) -> datetime:
    """Read a date or a time. Raise ValueError for any other text."""
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError:
        moment = day = None
    if day:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001  made aware below
    if moment is None:
        raise ValueError(f"Invalid value for {name}: {text!r}. Write a date such as 2026-07-31 or 2026-07-31T02:10.")
    return timezone.make_aware(moment) if settings.USE_TZ and timezone.is_naive(moment) else moment
