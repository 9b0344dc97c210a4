"""How the page tells times and jobs: filters for its templates."""

from __future__ import annotations

import json
from datetime import datetime

from django import template
from django.utils import timezone

from djcelery_jobs.dashboard.state import COUNTED
from djcelery_jobs.models import Job, State
from djcelery_jobs.telemetry.redaction import scrub

register = template.Library()

UNITS = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]


@register.filter
def span(seconds: float | None) -> str:
    """A duration in its two largest units, "2 h 5 min"; nothing when it is not known."""
    if seconds is None:
        return ""
    left, words = max(round(seconds), 0), []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if words or count:
            words.append(f"{count} {unit}" if count else "")
    return " ".join(word for word in words[:2] if word) or "0 s"


@register.filter
def counted(number: int) -> str:
    """A count that ends somewhere, since counting further would take long just when much is wrong."""
    return f"{number:,}+" if number >= COUNTED else f"{number:,}"


@register.filter
def lasting(since: datetime) -> str:
    """How long it has been going on."""
    return span((timezone.now() - since).total_seconds())


@register.filter
def ago(moment: datetime | None) -> str:
    return f"{lasting(moment)} ago" if moment else "never"


@register.filter
def due(moment: datetime | None) -> str:
    """When it is to happen."""
    if moment is None:
        return "not planned"
    seconds = (moment - timezone.now()).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else "now"


@register.filter
def told(job: Job) -> str:
    """What has become of a job."""
    match job.state:
        case State.DONE:
            return f"done {ago(job.finished_at)}"
        case State.DEAD:
            return f"failed for good {ago(job.finished_at)}"
        case State.DISCARDED:
            return f"discarded {ago(job.finished_at)}"
        case State.DELAYED if job.attempts:
            return f"failed {job.attempts} x so far, next try {due(job.publish_at)}"
        case State.DELAYED:
            return f"runs {due(job.publish_at)}"
    if job.started_at and job.starts:
        return f"has run for {lasting(job.started_at)} on {job.worker}"
    return f"waits for a worker, {lasting(job.waiting_since or job.created_at)} so far"


@register.filter
def arguments(job: Job) -> str:
    """As they would stand in a call, without what looks secret."""
    words = [json.dumps(value, ensure_ascii=False) for value in scrub(job.args)]
    words += [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in scrub(job.kwargs).items()]
    return ", ".join(words)


@register.filter
def error(job: Job) -> str:
    """Its error. People put into error texts what they put into arguments."""
    return scrub(job.error)


@register.filter
def trace(job: Job) -> str:
    """The end of its traceback, as far as it was loaded."""
    return scrub(job.traceback_end, length=len(job.traceback_end))
