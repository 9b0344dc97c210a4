# project/settings.py
CELERY_BEAT_SCHEDULE = {
    "one": {
        "task": "shop.tasks.index",
        "scheduel": 60,  # DJC607
    },
    "two": {"task": "shop.tasks.index", "schedule": "60"},  # DJC607
    "three": {"task": "shop.tasks.index", "schedule": 60, "options": {"expire": 3}},  # DJC607
    "four": {"task": "shop.tasks.index", "schedule": 60, "options": {"expires": 3}, "relative": True},
    "five": {"task": "shop.tasks.index", "schedule": 60, "tenant": 3},
}

# shop/tasks.py
from celery import shared_task


@shared_task
def index(): ...
