"""The template tags of the jobs pages, and `{% jobs_of order %}` for a project's own pages."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from djcelery_jobs.core.selection import JobFilter
from djcelery_jobs.dashboard import decisions, listing, wording

register = template.Library()

for _filter in (
    decisions.actions_of,
    wording.ago,
    wording.arguments,
    wording.counted,
    wording.due,
    wording.elapsed,
    wording.error,
    wording.job_status,
    wording.precise,
    wording.span,
    wording.traceback,
):
    register.filter(_filter.__name__, _filter)


@register.filter
def as_query(selection: JobFilter) -> str:
    """Return a filter as the query of a URL."""
    return urlencode(selection.as_texts())


@register.filter
def for_all(action: str) -> str:
    """Return how the page calls an action on all jobs that match."""
    return decisions.ACTIONS[action].for_all if action in decisions.ACTIONS else action


@register.filter
def past(action: str) -> str:
    """Return what an action has done to a job, such as "discarded"."""
    return decisions.ACTIONS[action].past if action in decisions.ACTIONS else "changed"


@register.filter
def as_words(texts: dict[str, str]) -> str:
    """Return a stored filter in words."""
    return ", ".join(f"{name} {value}" for name, value in texts.items()) or "all jobs"


@register.simple_tag
def jobs_of(subject: Any, limit: int = 10) -> SafeString:
    """List the newest durable jobs whose first argument is this text, number, or the key of this row.

    People who may see the jobs page get links; the page itself asks for the permission.
    """
    jobs = listing.jobs_of(subject, limit)
    if not jobs:
        return format_html('<p class="jobs-of">{}</p>', "No jobs.")
    items = format_html_join("", "<li>{}: {}</li>", ((_link(job), wording.job_status(job)) for job in jobs))
    return format_html('<ul class="jobs-of">{}</ul>', items)


def _link(job: Any) -> SafeString | str:
    try:
        return format_html('<a href="{}">{}</a>', reverse("admin:djcelery_jobs_overview_job", args=[job.pk]), job.task)
    except NoReverseMatch:  # the project has no admin
        return str(job.task)
