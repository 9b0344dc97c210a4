# project/settings.py
import os

import environ

env = environ.Env()

CELERY_TASK_SOFT_TIME_LIMIT = "60"  # DJC502
CELERY_TASK_TIME_LIMIT = os.getenv("LIMIT", "90")  # DJC502
CELERY_WORKER_CONCURRENCY = env.int("CONCURRENCY", 4)
CELERY_WORKER_PREFETCH_MULTIPLIER = int(os.environ["PREFETCH"])
CELERY_WORKER_MAX_TASKS_PER_CHILD = os.environ["TASKS"]  # DJC502
CELERY_RESULT_EXPIRES = "60"

# shop/tasks.py
from celery import shared_task

LIMIT = "60"


@shared_task(time_limit=LIMIT)  # DJC502
def a(pk): ...


@shared_task(time_limit=60)
def b(pk): ...
