"""Report to Sentry: once for each job that failed for good, with the names of its log lines, without secrets.

An exception inside a job is reported where it is raised, with its stack. What no code in the job can tell, since its
process was ended, is reported from the line `task_failure`.
"""

from typing import Any

import sentry_sdk
from celery.signals import task_retry
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.celery.beat import crons_task_retry
from sentry_sdk.integrations.logging import ignore_logger

from djcelery_jobs.telemetry.bound_context import get_contextvars
from djcelery_jobs.telemetry.redaction import scrub

# The failures that these loggers name are in another report already.
REPORTED_ELSEWHERE = (
    "celery.worker.consumer.consumer",
    "celery.worker.request",
    "django.tasks",
    "django_structlog.middlewares.request",
    "django_tasks",
)
NAMES = ("task_id", "task", "queue", "attempt", "request_id")
TEXT = 10_000  # characters of one text in a report


def start_sentry(*, dsn: str, environment: str, release: str) -> None:
    """Report errors of this process, and of those that it forks, to Sentry. Each schedule entry is a cron monitor."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release or None,
        send_default_pii=False,
        before_send=before_send,
        before_breadcrumb=before_breadcrumb,
        integrations=[CeleryIntegration(monitor_beat_tasks=True)],
    )
    # A run that will be tried again has not failed, so its monitor must not say so.
    task_retry.disconnect(crons_task_retry)
    for name in REPORTED_ELSEWHERE:
        ignore_logger(name)


def before_send(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """Name the job and hide secrets. Return None when there is another event for the same failure."""
    record = hint.get("log_record")
    if record is not None and record.name == "djcelery_jobs.failure" and record.exc_info:
        return None
    names = {name: value for name in NAMES if (value := _names(record).get(name)) is not None}
    event.setdefault("tags", {}).update({name: str(value) for name, value in names.items()})
    _add_arguments(event)
    return _scrubbed(event)


def before_breadcrumb(crumb: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Hide secrets."""
    return scrub(crumb)


def _names(record: Any) -> dict[str, Any]:
    from djcelery_jobs.telemetry.context import (
        running,  # needs the apps, which are not there yet when the settings call start_sentry()
    )

    return {**getattr(record, "__dict__", {}), **get_contextvars(), **running()}


def _add_arguments(event: dict[str, Any]) -> None:
    from djcelery_jobs.telemetry.context import current_request

    if not (request := current_request()):
        return
    event.setdefault("contexts", {})["job"] = {"args": scrub(request.args), "kwargs": scrub(request.kwargs)}
    if request.retries:
        retried = {"category": "retry", "message": f"retried {request.retries} times before", "level": "warning"}
        event.setdefault("breadcrumbs", {}).setdefault("values", []).insert(0, retried)


def _scrubbed(event: dict[str, Any]) -> dict[str, Any]:
    for part in ("extra", "request", "logentry", "message"):
        if part in event:
            event[part] = scrub(event[part], length=TEXT)
    for exception in event.get("exception", {}).get("values", []):
        exception["value"] = scrub(exception.get("value"), length=TEXT)
        for frame in (exception.get("stacktrace") or {}).get("frames", []):
            frame["vars"] = scrub(frame.get("vars") or {})
    return event
