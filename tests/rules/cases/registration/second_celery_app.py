# project/celery.py
from celery import Celery

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")

# shop/tasks.py
import celery

other = celery.Celery("shop")  # DJC308

def later():
    return celery.Celery("x")

# tests/conftest.py
from celery import Celery

app = Celery("tests")

# examples/one.py
from celery import Celery

app = Celery("example")
