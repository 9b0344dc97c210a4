# project/settings.py
from datetime import timedelta

CELERY_BEAT_SCHEDULE = {
    "one": {"task": "shop.tasks.index", "schedule": 60},  # DJC608
    "two": {"task": "shop.tasks.index", "schedule": timedelta(minutes=1)},  # DJC608
    "three": {"task": "shop.tasks.index", "schedule": timedelta(hours=1)},
    "four": {"task": "shop.tasks.free", "schedule": 60},
}

# shop/tasks.py
from celery import shared_task


@shared_task(time_limit=300)
def index(): ...


@shared_task
def free(): ...
