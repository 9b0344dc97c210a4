# project/settings.py
from datetime import timedelta

CELERY_BEAT_SCHEDULE = {
    "one": {
        "task": "shop.tasks.index",
        "scheduel": 60,  # DJC607
    },
    "two": {"task": "shop.tasks.index", "schedule": "60"},  # DJC607
    "three": {"task": "shop.tasks.index", "schedule": 60, "options": {"expire": 3}},  # DJC607
    "four": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 3}, "relative": True},
    "six": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": timedelta(minutes=5)}},  # DJC607
    "seven": {"task": "shop.tasks.index", "schedule": timedelta(60), "options": {"expires": 300}},
    "five": {"task": "shop.tasks.index", "schedule": 60, "tenant": 3},
}

# shop/tasks.py
from celery import shared_task


@shared_task
def index(): ...
