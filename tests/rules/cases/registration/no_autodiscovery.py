# project/celery.py
from celery import Celery

app = Celery("project")  # DJC309
app.config_from_object("django.conf:settings", namespace="CELERY")

# other/celery.py
from celery import Celery

app = Celery("other", include=["other.jobs"])
app.config_from_object("django.conf:settings", namespace="CELERY")

# third/celery.py
from celery import Celery

app = Celery("third")
