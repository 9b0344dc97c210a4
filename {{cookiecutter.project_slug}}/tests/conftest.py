"""Fixtures for every test."""

import runpy
import sys
from collections.abc import Iterator

import pytest
from celery import current_app
from django.conf import settings

from djcelery_jobs.pytest_fixtures import assert_dispatched  # noqa: F401  for each test
from djcelery_jobs.testing import MemoryBroker, memory_broker


@pytest.fixture
def broker(db) -> Iterator[MemoryBroker]:
    """Publish for real, into queues in memory. `broker.drain()` runs the messages as a worker would."""
    with memory_broker(current_app._get_current_object()) as broker:
        yield broker


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run a block as if its transaction had committed: `with committed(): ...`."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def environment(monkeypatch):
    """Set variables and read a settings module with them: environment("local", DJANGO_SECRET_KEY="x")."""
    project = settings.ROOT_URLCONF.partition(".")[0]

    def read(module: str, **variables: str) -> dict[str, object]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        # Read the modules again instead of taking them from the cache. monkeypatch restores the cache afterwards.
        for name in [name for name in sys.modules if name.startswith(f"{project}.settings.")]:
            monkeypatch.delitem(sys.modules, name)
        return runpy.run_module(f"{project}.settings.{module}")

    return read
