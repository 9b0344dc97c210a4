# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings.py
CELERY_ACKS_LATE = False  # DJC703
CELERY_IGNORE_RESULT = True  # DJC703
CELERY_DEFAULT_QUEUE = "x"
CELERY_TASK_DEFAULT_QUEUE = "x"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERYD_CONCURRENCY = 5  # DJC703
