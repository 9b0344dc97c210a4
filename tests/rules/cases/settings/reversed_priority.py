# project/settings.py
CELERY_BROKER_URL = "redis://localhost"

# shop/tasks.py
from celery import shared_task


@shared_task(priority=9)  # DJC713
def a(pk): ...


def place(pk, level):
    a.apply_async(args=[pk], priority=0)  # DJC713
    a.apply_async(args=[pk], priority=level)
