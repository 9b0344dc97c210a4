"""Put times, counts and jobs into words for people. The templates have these functions as filters."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from djcelery_jobs.core.selection import call_text
from djcelery_jobs.models import Job, State
from djcelery_jobs.telemetry.redaction import scrub

# Counting stops here, so that many dead jobs do not make a page slow just when it is needed.
COUNTED = 10_000
BROKER_AWAY = "The broker is not reachable. Try again when it is back."
UNITS = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]


def span(seconds: float | None) -> str:
    """Return a duration in its two largest units, such as "2 h 5 min". Return "" for an unknown one."""
    if seconds is None:
        return ""
    left = max(round(seconds), 0)
    words: list[str] = []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if words or count:
            words.append(f"{count} {unit}" if count else "")
    return " ".join(word for word in words[:2] if word) or "0 s"


def precise(seconds: float | None) -> str:
    """Return a short duration, such as "0.25 s"."""
    if seconds is None:
        return "–"  # noqa: RUF001  a dash, as on the other pages
    return span(seconds) if seconds >= 10 else f"{seconds:.2g} s"


def counted(number: int) -> str:
    """Return a count, with a plus sign where counting stopped."""
    return f"{number:,}+" if number >= COUNTED else f"{number:,}"


def elapsed(since: datetime) -> str:
    """Say how long ago a moment was."""
    return span((timezone.now() - since).total_seconds())


def ago(moment: datetime | None) -> str:
    """Say how long ago a moment was, or "never"."""
    return f"{elapsed(moment)} ago" if moment else "never"


def due(moment: datetime | None) -> str:
    """Say how long it is until a moment."""
    if moment is None:
        return "never"
    seconds = (moment - timezone.now()).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else "now"


def dead_jobs(count: int) -> str:
    """Return how many dead jobs there are."""
    return jobs(count, "dead")


def jobs(count: int | None, state: str = "") -> str:
    """Return how many jobs there are, such as "3 dead jobs"."""
    return " ".join(word for word in (f"{count or 0:,}", state, "job" if count == 1 else "jobs") if word)


def job_status(job: Job) -> str:
    """Say what state a job is in and since when."""
    match job.state:
        case State.DONE:
            return f"done {ago(job.finished_at)}"
        case State.DEAD:
            return f"failed permanently {ago(job.finished_at)}"
        case State.DISCARDED:
            return f"discarded {ago(job.finished_at)}"
        case State.CANCELLED:
            return f"cancelled by {job.cancelled_by} {ago(job.finished_at)}"
        case State.DELAYED if job.attempts:
            times = "once" if job.attempts == 1 else f"{job.attempts} times"
            return f"failed {times} so far, retries {due(job.publish_at)}"
        case State.NEXT:
            return f"runs after the job that has its key, {job.key}"
        case State.DELAYED:
            return f"scheduled, runs {due(job.publish_at)}"
    if job.held:
        return f"waiting for the end of a pause, for {elapsed(job.waiting_since or job.created_at)}"
    if job.started_at and job.starts:
        return f"running for {elapsed(job.started_at)} on {job.worker}"
    return f"waiting for a worker for {elapsed(job.waiting_since or job.created_at)}"


def arguments(job: Job) -> str:
    """Return the arguments of a job as a call has them, without secrets."""
    return call_text(job)


def error(job: Job) -> str:
    """Return the error of a job without secrets: error texts often quote arguments."""
    return scrub(job.error)


def traceback(job: Job) -> str:
    """Return the end of the traceback of a job without secrets."""
    return scrub(job.traceback_end, length=len(job.traceback_end))
