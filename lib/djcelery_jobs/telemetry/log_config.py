"""Configure the log: one line of JSON per event on a server, readable words on a laptop.

Each line names the job in which it was written, whoever wrote it: the names are added where lines are formatted, which
the lines of Django and of libraries pass too. Settings build LOGGING with `logging_config`.
"""

import logging
import sys
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from djcelery_jobs.telemetry import colours
from djcelery_jobs.telemetry.redaction import scrub

TEXT = 20_000  # characters of one value, such as a traceback


def add_job(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Put task_id, task, queue and attempt on a line that is written while a job runs."""
    from djcelery_jobs.telemetry.context import (
        running,  # needs Celery's app, which needs the settings, which need this file
    )

    event.update(running())
    return event


def drop_objects(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop the requests and sockets that Django puts on some lines, and the arguments of jobs that Celery does."""
    for name in ("request", "server_time", "data"):
        if not isinstance(event.get(name, ""), str):
            del event[name]
    return event


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Hide secrets, as far as they can be recognised."""
    return scrub(event, length=TEXT)


class DropCeleryFailureLine(logging.Filter):
    """Drop Celery's own line about a failed task, which shows its arguments: failures.py writes one without."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.levelno == logging.ERROR and hasattr(record, "data"))


class DropHealthChecks(logging.Filter):
    """Drop the requests that probes send every few seconds, while they are answered well."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = record.msg.get("request", "") if isinstance(record.msg, dict) else ""
        return record.levelno > logging.INFO or not request.startswith("GET /health/")


OF_LIBRARIES = [structlog.stdlib.ExtraAdder(), drop_objects]
OF_STRUCTLOG: list[Any] = [
    structlog.stdlib.filter_by_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    ProcessorFormatter.wrap_for_formatter,
]
EVERY_LINE: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.processors.format_exc_info,
    ProcessorFormatter.remove_processors_meta,
    redact,
    structlog.stdlib.add_log_level,
    add_job,
]
FORMATS: dict[str, list[Any]] = {
    "json": [
        *EVERY_LINE,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ],
    "console": [
        *EVERY_LINE,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S.%f", utc=False),
        structlog.dev.ConsoleRenderer(colors=colours.are_wanted(sys.stderr), pad_event_to=0),
    ],
}


def logging_config(*, form: str, level: str, jobs_level: str, mail_to_admins: bool) -> dict[str, Any]:
    """Return Django's LOGGING. Also configure structlog, and send Python's warnings to the log.

    form: "json" or "console". level: the lowest level of all loggers. jobs_level: the lowest level of the lines about
    each job. mail_to_admins: whether failures are mailed to ADMINS.
    """
    structlog.configure(
        processors=OF_STRUCTLOG,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(True)  # else they go to stderr by themselves
    formatters = {
        name: {"()": ProcessorFormatter, "processors": processors, "foreign_pre_chain": OF_LIBRARIES}
        for name, processors in FORMATS.items()
    }
    mail = ["mail"] if mail_to_admins else []
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "drop_health_checks": {"()": DropHealthChecks},
            "drop_celery_failure_line": {"()": DropCeleryFailureLine},
            "once_per_pause": {"()": "djcelery_jobs.telemetry.failure_mail.OncePerPause"},
        },
        "formatters": formatters,
        "handlers": {
            "console": {"class": "logging.StreamHandler"},
            "mail": {
                "class": "djcelery_jobs.telemetry.failure_mail.MailHandler",
                "formatter": "console",
                "level": "ERROR",
                "filters": ["once_per_pause"],
            },
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These come with handlers of their own; without them, their lines go the way of all others.
            "django": {"handlers": [], "propagate": True},
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": True},
            # A worker's pool, which says when a process was killed. It keeps its lines from the root by itself.
            "multiprocessing": {"handlers": ["console"], "propagate": False, "level": "ERROR"},
            # django-structlog and log_events.py say the same, in one line each and with names.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "propagate": True, "level": "CRITICAL"},
            "django.tasks": {"level": "CRITICAL"},
            "django_tasks": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.worker.consumer.tasks": {"level": "WARNING"},  # each start: "Global QoS is disabled"
            "celery.app.trace": {"level": "WARNING", "filters": ["drop_celery_failure_line"]},
            "djcelery_jobs.telemetry.log_events": {"level": jobs_level},
            "djcelery_jobs.failure": {"handlers": mail},
            "django_structlog.middlewares.request": {"handlers": mail, "filters": ["drop_health_checks"]},
        },
    }
    use_log_format(config, form)
    return config


def use_log_format(config: dict[str, Any], form: str) -> None:
    """Write the log in this format. Raise ImproperlyConfigured for an unknown one."""
    if form not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {form!r}, which is not a format. Use {' or '.join(FORMATS)}.")
    config["handlers"]["console"]["formatter"] = form
