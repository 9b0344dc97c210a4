"""Configure the tests' project for a worker in a process of its own. The environment names broker and database."""

import os

from djcelery_jobs import queues
from djcelery_jobs.brokers.workloads import Workload
from tests.lib.project.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.lib.live_worker"]  # noqa: F405
DATABASES["default"]["NAME"] = os.environ["LIVE_DATABASE"]  # noqa: F405
LIVE_FOLDER = os.environ["LIVE_FOLDER"]
CELERY_BROKER_URL = os.environ["LIVE_BROKER"]
CELERY_TASK_ALWAYS_EAGER = False
WORKLOADS = {
    **WORKLOADS,  # noqa: F405
    "fast": Workload(concurrency=4, prefetch=4, soft_limit=100, hard_limit=120),
}
CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
OWN_TASKS = {f"tests.lib.live_worker.tasks.{name}": {"queue": "fast"} for name in ("note", "loose", "held", "plain")}
CELERY_TASK_ROUTES = {**CELERY_TASK_ROUTES, **OWN_TASKS}  # noqa: F405
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = CELERY_BROKER_URL.startswith("amqp")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_EXCHANGE, CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "jobs", "topic"
    CELERY_TASK_DEFAULT_ROUTING_KEY = "slow"
DJCELERY_JOBS = {"REPORT_INTERVAL": 0.5, "STALE_AFTER": 5}
