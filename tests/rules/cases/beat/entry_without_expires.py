# project/settings.py
OPTIONS = {"expires": 5}
UNKNOWN = make()

CELERY_BEAT_SCHEDULE = {
    "one": {"task": "shop.tasks.index", "schedule": 60},  # DJC603
    "two": {"task": "shop.tasks.index", "schedule": 60, "options": {"queue": "x"}},  # DJC603
    "three": {"task": "shop.tasks.index", "schedule": 60, "options": OPTIONS},
    "four": {"task": "shop.tasks.index", "schedule": 60, "options": UNKNOWN},
    "five": {"task": "shop.tasks.short", "schedule": 60},
}

# shop/tasks.py
from celery import shared_task


@shared_task
def index(): ...


@shared_task(expires=5)
def short(): ...
