# project/celery.py
from celery import Celery

app = Celery("project")  # DJC311
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
version = 1

# manage.py
import os

# shop/tasks.py
from celery import shared_task

@shared_task
def index(pk): ...
