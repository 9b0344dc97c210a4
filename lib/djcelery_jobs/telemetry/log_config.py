"""The format of the log: one line of JSON for each event on a server, words on a laptop.

Each line says in which job it was written, whoever wrote it: the names are added where lines are formatted, and
lines of Django and of libraries pass there too. Settings build LOGGING with `logging_config`.
"""

import logging
import sys
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

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
    """Django puts whole requests and sockets on some of its lines, Celery a job's arguments."""
    for name in ("request", "server_time", "data"):
        if not isinstance(event.get(name, ""), str):
            del event[name]
    return event


def scrubbed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Nothing secret reaches the log, as far as that can be told."""
    return scrub(event, length=TEXT)


class NotTwice(logging.Filter):
    """Keep out Celery's own line about a failed task, which shows its arguments: failures.py writes one without."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.levelno == logging.ERROR and hasattr(record, "data"))


class NoProbes(logging.Filter):
    """Keep out what probes ask for every few seconds, as long as the answer is a good one."""

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
    scrubbed,
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
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0),
    ],
}


def logging_config(*, form: str, level: str, jobs_level: str, mail_to_admins: bool) -> dict[str, Any]:
    """Django's LOGGING. Also sets structlog up, and makes lines of Python's warnings.

    form: one of FORMATS. level: of everything. jobs_level: of the lines that tell how each job went.
    mail_to_admins: whether failures are mailed to ADMINS.
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
            "no_probes": {"()": NoProbes},
            "not_twice": {"()": NotTwice},
            "seldom": {"()": "djcelery_jobs.telemetry.failure_mail.Seldom"},
        },
        "formatters": formatters,
        "handlers": {
            "console": {"class": "logging.StreamHandler"},
            "mail": {
                "class": "djcelery_jobs.telemetry.failure_mail.MailHandler",
                "formatter": "console",
                "level": "ERROR",
                "filters": ["seldom"],
            },
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # These come with handlers of their own; without them, their lines go the way of all others.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn.error": {"handlers": [], "propagate": True},
            "gunicorn.access": {"handlers": [], "propagate": True},
            # A worker's pool, which says when a process was killed. It keeps its lines from the root by itself.
            "multiprocessing": {"handlers": ["console"], "propagate": False, "level": "ERROR"},
            # What these say is said by django-structlog and by lines.py, in one line each and with names.
            "django.request": {"level": "CRITICAL"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING", "filters": ["not_twice"]},
            "djcelery_jobs.telemetry.log_events": {"level": jobs_level},
            "djcelery_jobs.failure": {"handlers": mail},
            "django_structlog.middlewares.request": {"handlers": mail, "filters": ["no_probes"]},
        },
    }
    use_log_format(config, form)
    return config


def use_log_format(config: dict[str, Any], form: str) -> None:
    """Write the log in this format. Raises ImproperlyConfigured when there is none of that name."""
    if form not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {form!r}, which is no format. Use {' or '.join(FORMATS)}.")
    config["handlers"]["console"]["formatter"] = form
