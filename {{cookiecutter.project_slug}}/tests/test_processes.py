"""Procfile, compose.yaml and systemd start what the settings declare, and stop it as gently as the settings say."""

import re

import pytest
from django.conf import settings

PROCFILE = (settings.BASE_DIR / "Procfile").read_text()
COMPOSE = (settings.BASE_DIR / "compose.yaml").read_text()
UNITS = "".join(path.read_text() for path in (settings.BASE_DIR / "deploy" / "systemd").glob("*.service"))


@pytest.mark.parametrize("name", settings.WORKLOADS)
def test_each_class_of_work_has_a_worker(name):
    assert f"worker-{name}: python manage.py worker {name}\n" in PROCFILE
    assert f'command: ["python", "manage.py", "worker", "{name}"]' in COMPOSE


def test_no_worker_waits_for_a_class_that_is_gone():
    assert set(re.findall(r"manage\.py worker (\w+)", PROCFILE)) == set(settings.WORKLOADS)
    assert set(re.findall(r'"worker", "(\w+)"', COMPOSE)) == set(settings.WORKLOADS)


def test_one_beat_runs():
    assert len(re.findall(r"celery -A \w+ beat", PROCFILE)) == 1
    assert len(re.findall(r'"celery", "-A", "\w+", "beat"', COMPOSE)) == 1


def test_a_worker_has_the_time_to_give_its_jobs_back():
    """The soft timeout for the jobs, then ten seconds to requeue what is left; a kill before that delays them."""
    graces = [int(seconds) for seconds in re.findall(r"(?:stop_grace_period: |TimeoutStopSec=)(\d+)", COMPOSE + UNITS)]
    assert min(graces) >= settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def test_a_worker_that_is_asked_to_stop_does_so_softly():
    assert "REMAP_SIGTERM=SIGQUIT" in (settings.BASE_DIR / "Dockerfile").read_text()


def test_no_migration_makes_others_wait_behind_it():
    for text in (PROCFILE, COMPOSE, UNITS):
        assert "PGOPTIONS=-c lock_timeout=" in text.replace("'", "")
