# project/celery.py
from celery import Celery

app = Celery("project")  # DJC811
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/settings.py
INSTALLED_APPS = []

# shop/tasks.py
from celery import shared_task

@shared_task
def a(): ...
