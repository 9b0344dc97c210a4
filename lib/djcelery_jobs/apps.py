from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

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
    "djcelery_jobs.worker.reporter",
    "djcelery_jobs.worker.revocations",
    "djcelery_jobs.worker.shutdown",
    "djcelery_jobs.worker.start_method",
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
        from djcelery_jobs.brokers import body_size, rabbitmq, redis
        from djcelery_jobs.telemetry import tracing

        body_size.bound_decompression()
        rabbitmq.register_transports()
        redis.register_transports()
        if tracing.is_enabled():
            tracing.start()


def _of_installed_extras() -> Iterator[str]:
    if find_spec("django_structlog"):
        yield "djcelery_jobs.telemetry.log_events"
    if apps.is_installed("django_celery_beat"):
        yield "djcelery_jobs.beat.database_scheduler"
