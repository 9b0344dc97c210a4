"""The template filters of the jobs pages."""

from django import template

from djcelery_jobs.dashboard import wording

register = template.Library()

for _filter in (
    wording.ago,
    wording.arguments,
    wording.counted,
    wording.due,
    wording.elapsed,
    wording.error,
    wording.job_status,
    wording.span,
    wording.traceback,
):
    register.filter(_filter.__name__, _filter)
