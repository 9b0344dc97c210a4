# shop/tasks.py
from celery import shared_task


@shared_task(rate_limit="10/m")  # DJC805
def a(): ...


@shared_task(rate_limit=None)
def b(): ...


# project/settings.py
CELERY_TASK_DEFAULT_RATE_LIMIT = "5/s"  # DJC805
