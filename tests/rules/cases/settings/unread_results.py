# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# project/__init__.py
from project.celery import app

# project/settings.py
INSTALLED_APPS = []
CELERY_RESULT_BACKEND = "redis://localhost"  # DJC712

# shop/tasks.py
from celery import shared_task


@shared_task
def price(pk): ...


def show(pk):
    return price.delay(pk).id
