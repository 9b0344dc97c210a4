"""The one Celery app of this project. Its settings are in settings/jobs.py, its tasks in each app's tasks.py."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.project_slug }}.settings.local")

app = Celery("{{ cookiecutter.project_slug }}", amqp="djcelery_jobs:AMQP", task_cls="djcelery_jobs:JobTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
