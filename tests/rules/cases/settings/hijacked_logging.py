# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings/base.py
INSTALLED_APPS = []
LOGGING = {"version": 1, "root": {"handlers": ["file"]}}  # DJC714

# project/settings/other.py
LOGGING = {"version": 1}
