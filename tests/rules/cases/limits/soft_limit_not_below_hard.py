# shop/tasks.py
from celery import shared_task

HOUR = 60 * 60


@shared_task(soft_time_limit=HOUR, time_limit=60)  # DJC503
def a(pk): ...


@shared_task(soft_time_limit=50, time_limit=60)
def b(pk): ...


@shared_task(soft_time_limit=50)
def c(pk):
    a.apply_async(args=[pk], soft_time_limit=9, time_limit=9)  # DJC503
    a.apply_async(args=[pk], soft_time_limit=8, time_limit=9)


# project/settings/base.py
CELERY_TASK_SOFT_TIME_LIMIT = 90  # DJC503
CELERY_TASK_TIME_LIMIT = 60

# project/settings/other.py
CELERY_TASK_SOFT_TIME_LIMIT = 50
