# project/settings.py
INSTALLED_APPS = []

# shop/tasks.py
from celery import shared_task

@shared_task(time_limit=60)
def a(): ...

@shared_task(soft_time_limit=60 * 60)
def b(): ...  # DJC806
