# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings.py
BROKER_URL = "redis://localhost"  # DJC702
CELERYD_CONCURRENCY = 5
RESULT_BACKEND = "redis://localhost"
CELERY_RESULT_BACKEND = RESULT_BACKEND
BROKER_NAME = "x"
TASK_TIME_LIMIT = 5
CELERY_TASK_TIME_LIMIT = TASK_TIME_LIMIT
TIMEZONE = "UTC"
