# project/settings.py
CELERY_TASK_ROUTES = {"shop.tasks.a*": {"queue": "fast"}}

# shop/tasks.py
from celery import shared_task

OPTIONS = {"queue": "fast"}


@shared_task
def a(): ...


@shared_task
def b(): ...  # DJC804


@shared_task(queue="fast")
def c(): ...


@shared_task(**OPTIONS)
def d(): ...


# Procfile
worker: celery -A project worker -Q fast
