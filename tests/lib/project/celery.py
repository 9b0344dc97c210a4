"""Create the Celery app of the tests."""

from celery import Celery

app = Celery("library", task_cls="djcelery_jobs.core.task:JobTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
