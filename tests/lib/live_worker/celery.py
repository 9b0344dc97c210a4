"""Create the Celery app of the worker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.lib.live_worker.settings")

app = Celery("live", task_cls="djcelery_jobs.core.task:JobTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
app.autodiscover_tasks()
