"""Test that in a generated project, Django's own `@task` is a durable job."""

from __future__ import annotations

from importlib.util import find_spec

import django
import pytest

from tests.projects import make

TASK = """
try:
    from django.tasks import task
except ImportError:
    from django_tasks import task


@task
def tidy(name: str) -> None: ...
"""
ENQUEUE = """
from celery import current_app
from djcelery_jobs.models import Job
from djcelery_jobs.testing import memory_broker
from users.chores import tidy

current_app.conf.update(broker_url="memory://", broker_read_url="memory://", broker_write_url="memory://")
with memory_broker(current_app) as broker:
    result = tidy.enqueue("a")
    print([ran.task for ran in broker.drain()], Job.objects.get(pk=result.id).state)
"""


@pytest.mark.skipif(django.VERSION < (6, 0) and not find_spec("django_tasks"), reason="django-tasks is not installed")
def test_it_is_a_durable_job(tmp_path):
    project = make(tmp_path, "shop", ["--no-example"])
    (project.path / "users" / "chores.py").write_text(TASK)
    project.manage("migrate", "-v0")

    printed = project.manage("shell", "-v0", "-c", ENQUEUE, JOBS_LOG_LEVEL="WARNING").splitlines()[-1]

    assert printed == "['users.chores.tidy'] done"
