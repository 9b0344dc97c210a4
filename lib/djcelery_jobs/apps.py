from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from celery import current_app
from django.apps import AppConfig, apps

# Modules that connect themselves to Django's or Celery's signals, or add a step to the worker.
CONNECTED = [
    "djcelery_jobs.checks",
    "djcelery_jobs.vendored",
    "djcelery_jobs.brokers.queue_lengths",
    "djcelery_jobs.core.failures",
    "djcelery_jobs.core.worker_identity",
    "djcelery_jobs.worker.broker_connection",
    "djcelery_jobs.worker.connection_loss",
    "djcelery_jobs.worker.connections",
    "djcelery_jobs.worker.gc_freeze",
    "djcelery_jobs.worker.operators",
    "djcelery_jobs.worker.orphans",
    "djcelery_jobs.worker.reporter",
    "djcelery_jobs.worker.revocations",
    "djcelery_jobs.worker.shutdown",
    "djcelery_jobs.worker.start_method",
    "djcelery_jobs.worker.statements",
    "djcelery_jobs.worker.tallies",
    "djcelery_jobs.worker.task_modules",
]


class JobsConfig(AppConfig):
    name = "djcelery_jobs"
    verbose_name = "Background jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for module in [*CONNECTED, *_of_installed_extras()]:
            import_module(module)
        from djcelery_jobs.brokers import body_size, options
        from djcelery_jobs.telemetry import tracing

        # A project whose logs Celery configures keeps them as they are, whatever packages it has.
        if find_spec("django_structlog") and not current_app.conf.worker_hijack_root_logger:
            from djcelery_jobs.telemetry import log_events

            log_events.connect()
        body_size.bound_decompression()
        options.register_transports()
        if tracing.is_enabled():
            tracing.start()


def _of_installed_extras() -> Iterator[str]:
    if apps.is_installed("django_celery_beat"):
        yield "djcelery_jobs.beat.database_scheduler"
