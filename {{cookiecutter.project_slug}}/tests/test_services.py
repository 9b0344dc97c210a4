"""Test a job on a real broker and a real database, as in CI. Nothing else may use them meanwhile.

Run it with `pytest -m services`. All other tests publish in memory, and use SQLite unless DATABASE_URL is set.
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
SECONDS = 60  # enough for a slow machine


@pytest.fixture
def variables(transactional_db) -> dict[str, str]:
    """Return an environment with the database of this test and the broker of the environment."""
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    database = f"{url.rpartition('/')[0]}/{name}" if connection.vendor == "postgresql" else f"sqlite:///{name}"
    return {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": f"{SLUG}.settings.local"}


@pytest.fixture
def worker(variables):
    """Run a worker of the class that runs the housekeeping."""
    workload = settings.ROUTES["djcelery_jobs.tasks.prune"]
    command = [sys.executable, "manage.py", "worker", workload, "--concurrency", "1"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=variables)
    yield process
    process.terminate()
    assert process.wait(SECONDS) == 0


@pytest.mark.services
def test_a_worker_runs_a_job(worker, variables):
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
