"""Durable background jobs for Django and Celery: not lost, not done twice, not starving each other.

What `__all__` names is public, together with the documented settings and commands, `djcelery_jobs.operations` and
`djcelery_jobs.testing`.
Everything else may change in any release.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0.dev0"
DOCUMENTATION = ""  # the address of the documentation's site; empty before the first release

# Public name: the module that defines it. Imported when first asked for: settings import some of these, and then
# models cannot be imported yet.
_HOMES = {
    "AMQP": "djcelery_jobs.brokers.connecting",
    "ArgumentsTooLargeError": "djcelery_jobs.core.task",
    "Consumer": "djcelery_jobs.worker.consumer",
    "DurableTask": "djcelery_jobs.core.durable",
    "JobTask": "djcelery_jobs.core.task",
    "LockedDatabaseScheduler": "djcelery_jobs.beat.database_scheduler",
    "LockedScheduler": "djcelery_jobs.beat.scheduler",
    "TRANSIENT_ERRORS": "djcelery_jobs.core.task",
    "Workload": "djcelery_jobs.brokers.workloads",
    "effect_once": "djcelery_jobs.core.effect_once",
    "job": "djcelery_jobs.core.current_job",
    "logging_config": "djcelery_jobs.telemetry.log_config",
    "queues": "djcelery_jobs.brokers.options",
    "remember_request": "djcelery_jobs.telemetry.context",
    "routes": "djcelery_jobs.brokers.workloads",
    "sentinel_options": "djcelery_jobs.brokers.redis",
    "start_sentry": "djcelery_jobs.telemetry.sentry",
    "task_limits": "djcelery_jobs.brokers.workloads",
    "tls_options": "djcelery_jobs.brokers.options",
    "use_log_format": "djcelery_jobs.telemetry.log_config",
}

__all__ = [
    "AMQP",
    "TRANSIENT_ERRORS",
    "ArgumentsTooLargeError",
    "Consumer",
    "DurableTask",
    "JobTask",
    "LockedDatabaseScheduler",
    "LockedScheduler",
    "Workload",
    "effect_once",
    "job",
    "logging_config",
    "queues",
    "remember_request",
    "routes",
    "sentinel_options",
    "start_sentry",
    "task_limits",
    "tls_options",
    "use_log_format",
]


# No __dir__: code that reads every name of a module, such as test discovery, would import every optional extra.
def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
