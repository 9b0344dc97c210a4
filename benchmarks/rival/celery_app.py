"""Set up Celery as the most used Django template does, with results in the Django database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rival.settings")
app = Celery("rival")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["rival"])
