"""Test that the core works with Celery and Django alone."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONAL = ("redis", "django_structlog", "structlog", "sentry_sdk", "opentelemetry", "prometheus_client")
MODULES = "core brokers worker beat dashboard telemetry"
# Each of these is the module of an extra, or of `@task`, which Django 5.2 has from the package django-tasks.
OF_EXTRAS = {
    "core.task_functions",
    "core.task_options",
    "core.task_results",
    "brokers.redis_transport",
    "beat.database_scheduler",
    "dashboard.metrics",
    "telemetry.log_config",
    "telemetry.log_events",
    "telemetry.sentry",
}
SCRIPT = """
import importlib, pkgutil, sys
from importlib.util import find_spec
from django.conf import settings

assert not [name for name in {optional!r} if find_spec(name)], "an extra is installed"
from tests.lib.project import settings as project
settings.configure(**{{name: getattr(project, name) for name in dir(project) if name.isupper()}})
from tests.lib.project import celery
import django
django.setup()
import djcelery_jobs
imported = 0
for package in {modules!r}.split():
    parent = importlib.import_module(f"djcelery_jobs.{{package}}")
    for module in pkgutil.iter_modules(parent.__path__):
        if f"{{package}}.{{module.name}}" not in {of_extras!r}:
            importlib.import_module(f"djcelery_jobs.{{package}}.{{module.name}}")
            imported += 1
assert imported > 30, imported

from django.core.management import call_command
call_command("migrate", verbosity=0)
from celery import shared_task
from django.db import transaction
from djcelery_jobs import DurableTask
from djcelery_jobs.models import Job
from djcelery_jobs.testing import memory_broker
ran = []

@shared_task(base=DurableTask, name="works")
def works(number):
    ran.append(number)

celery.app.conf.task_routes = {{**celery.app.conf.task_routes, "works": {{"queue": "fast"}}}}
celery.app.amqp.flush_routes()
celery.app.amqp.router = celery.app.amqp.Router()
with memory_broker(celery.app) as broker:
    with transaction.atomic():
        works.delay(7)
    broker.drain()
assert ran == [7], ran
assert Job.objects.get().state == "done", Job.objects.get().state
print("works")
"""


@pytest.mark.live
def test_a_durable_job_runs_in_an_environment_without_any_extra(tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "-p", str(python), str(ROOT / "lib")]
    for command in ([sys.executable, "-m", "uv", "venv", "-q", "-p", sys.executable, str(tmp_path / "venv")], install):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    script = SCRIPT.format(optional=OPTIONAL, modules=MODULES, of_extras=OF_EXTRAS)
    done = subprocess.run(
        [python, "-W", "error:::djcelery_jobs", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.endswith("works\n"), done.stderr
