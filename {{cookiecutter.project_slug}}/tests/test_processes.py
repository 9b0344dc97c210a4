"""Procfile, compose.yaml and systemd start what the settings declare, and stop it as gently as the settings say."""

import re

import pytest
from django.conf import settings

PROCFILE = (settings.BASE_DIR / "Procfile").read_text()
COMPOSE = (settings.BASE_DIR / "compose.yaml").read_text()
UNITS = "".join(path.read_text() for path in (settings.BASE_DIR / "deploy" / "systemd").glob("*.service"))
DOCKERFILE = (settings.BASE_DIR / "Dockerfile").read_text()


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_each_workload_class_has_a_worker(name):
    assert f"worker-{name}: python manage.py worker {name}\n" in PROCFILE
    assert f'command: ["python", "manage.py", "worker", "{name}"]' in COMPOSE


def test_no_worker_consumes_a_class_that_does_not_exist():
    assert set(re.findall(r"manage\.py worker ([\w-]+)", PROCFILE)) == set(settings.WORKLOADS)
    assert set(re.findall(r'"worker", "([\w-]+)"', COMPOSE)) == set(settings.WORKLOADS)


def test_one_beat_runs():
    assert len(re.findall(r"celery -A \w+ beat", PROCFILE)) == 1
    assert len(re.findall(r'"celery", "-A", "\w+", "beat"', COMPOSE)) == 1


def test_a_worker_has_the_time_to_requeue_its_jobs():
    """The soft shutdown timeout, and ten seconds to requeue the rest. A kill before that would delay the jobs."""
    graces = [int(seconds) for seconds in re.findall(r"(?:stop_grace_period: |TimeoutStopSec=)(\d+)", COMPOSE + UNITS)]
    assert min(graces) >= settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def test_sigterm_starts_a_soft_shutdown():
    assert "REMAP_SIGTERM=SIGQUIT" in DOCKERFILE


@pytest.mark.parametrize("text", [PROCFILE, COMPOSE, UNITS], ids=["Procfile", "compose.yaml", "systemd"])
def test_no_migration_waits_long_for_a_lock(text):
    assert "PGOPTIONS=-c lock_timeout=" in text.replace("'", "")


@pytest.mark.parametrize("text", [PROCFILE, DOCKERFILE, UNITS], ids=["Procfile", "Dockerfile", "systemd"])
def test_every_way_to_production_collects_the_static_files(text):
    assert "manage.py collectstatic --no-input" in text
