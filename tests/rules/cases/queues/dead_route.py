# project/settings.py
CELERY_TASK_ROUTES = {
    "shop.tasks.a": {"queue": "slow"},
    "shop.tasks.b": {"queue": "slow"},  # DJC803
    "shop.tasks.*": {"queue": "slow"},
    "shop.tasks.x*": {"queue": "slow"},  # DJC803
    "other.tasks.*": {"queue": "slow"},
    "*": {"queue": "slow"},
}

# shop/tasks.py
from celery import shared_task


@shared_task
def a(): ...
