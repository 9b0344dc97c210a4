# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings.py
INSTALLED_APPS = []

# Procfile
bounded: celery -A project worker --max-tasks-per-child=100
threads: celery -A project worker -P threads
open: celery -A project worker  # DJC810
