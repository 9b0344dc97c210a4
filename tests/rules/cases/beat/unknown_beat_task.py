# project/settings.py
from shop.plan import PLAN

CELERY_BEAT_SCHEDULE = {
    "one": {"task": "shop.tasks.index", "schedule": 60},
    "two": {"task": "shop.tasks.indx", "schedule": 60},  # DJC601
    "three": {"task": "other.tasks.index", "schedule": 60},
    "four": {"task": "shop.given", "schedule": 60},
    "five": {"task": "shop.tasks.imported", "schedule": 60},
    "six": {"task": "shop.jobs.gone", "schedule": 60},
    **PLAN,
}
CELERY_BEAT_SCHEDULE["seven"] = {"task": "shop.tasks.lost", "schedule": 60}  # DJC601

# shop/plan.py
PLAN = {}

# shop/jobs.py
from celery import shared_task


@shared_task(name="shop.given")
def given(): ...


# shop/tasks.py
from celery import shared_task
from elsewhere import imported


@shared_task
def index(): ...
