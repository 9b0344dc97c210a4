# project/settings.py
CELERY_BEAT_SCHEDULE = {
    "one": {"task": "shop.tasks.index", "schedule": 60},  # DJC606
    "two": {"task": "shop.tasks.index", "schedule": 60, "args": (1,)},
    "three": {"task": "shop.tasks.index", "schedule": 60, "kwargs": {"pk": 1}},
    "four": {"task": "shop.tasks.index", "schedule": 60, "kwargs": {"key": 1}},  # DJC606
    "five": {"task": "shop.tasks.index", "schedule": 60, "args": make()},
    "six": {"task": "shop.tasks.bound", "schedule": 60},
}

# shop/tasks.py
from celery import shared_task


@shared_task
def index(pk): ...


@shared_task(bind=True)
def bound(self): ...
