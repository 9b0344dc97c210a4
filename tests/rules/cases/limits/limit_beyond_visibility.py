# project/settings.py
CELERY_BROKER_URL = "redis://localhost"

# shop/tasks.py
from celery import shared_task


@shared_task(acks_late=True, reject_on_worker_lost=True, time_limit=2 * 60 * 60)  # DJC510
def a(pk): ...


@shared_task(time_limit=2 * 60 * 60)
def b(pk): ...


@shared_task(acks_late=True, reject_on_worker_lost=True, time_limit=60)
def c(pk): ...
