"""A job through a real broker into a real database, as in CI: those of the environment, which nobody else may use.

Run it with `pytest -m services`. All other tests publish in memory, and run on SQLite unless DATABASE_URL says else.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from djcelery_jobs.models import Job, State

SLUG = settings.ROOT_URLCONF.partition(".")[0]
SECONDS = 60  # until a job must be done; how long it takes is not what this is about


@pytest.fixture
def variables(transactional_db) -> dict[str, str]:
    """The environment of processes that use the database of this test, and the broker of the environment."""
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    database = f"{url.rpartition('/')[0]}/{name}" if connection.vendor == "postgresql" else f"sqlite:///{name}"
    return {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": f"{SLUG}.settings.local"}


@pytest.fixture
def worker(variables):
    """A worker of the class that runs the housekeeping."""
    workload = settings.ROUTES["djcelery_jobs.tasks.prune"]
    command = [sys.executable, "manage.py", "worker", workload, "--concurrency", "1"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=variables)
    yield process
    process.terminate()
    assert process.wait(SECONDS) == 0


@pytest.mark.services
def test_a_job_runs_in_a_worker(worker, variables):
    long_ago = timezone.now() - timedelta(days=settings.DJCELERY_JOBS["KEPT_DAYS"] + 1)
    Job.objects.create(
        task="gone", queue="slow", state=State.DONE, publish_at=long_ago, created_at=long_ago, finished_at=long_ago
    )

    publish = [sys.executable, "manage.py", "shell", "-c", "from djcelery_jobs.tasks import prune; prune.delay()"]
    subprocess.run(publish, cwd=settings.BASE_DIR, env=variables, check=True)

    deadline = time.monotonic() + SECONDS
    while Job.objects.filter(task="gone").exists() and time.monotonic() < deadline:
        assert worker.poll() is None
        time.sleep(0.1)
    assert not Job.objects.filter(task="gone").exists()
