"""Set up Django for the tests of the library, and provide their fixtures.

The settings are handed over and not named in the environment: other tests start projects with settings of their own.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import django
import hypothesis
import pytest
from django.conf import settings as django_settings

if not django_settings.configured:
    from tests.lib.project import settings as project_settings

    django_settings.configure(
        **{name: getattr(project_settings, name) for name in dir(project_settings) if name.isupper()}
    )
    from tests.lib.project import celery  # noqa: F401  the app must be there before Django loads the tasks

    django.setup()
from celery import Celery, current_app, shared_task
from django.contrib.auth import get_user_model
from django.utils.module_loading import autodiscover_modules

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.dashboard import health, snapshot
from djcelery_jobs.testing import MemoryBroker, memory_broker
from tests import ports
from tests.lib import state_changes

# django-celery-beat does not support every Django that this library supports.
collect_ignore = [] if find_spec("django_celery_beat") else ["test_database_scheduler.py"]
# A machine that is busy fails no test.
SPEED = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=SPEED, database=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only PostgreSQL does, unless DATABASE_URL names one; test_versions.py runs it all on one."""
    if django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        return
    left_out = [item for item in items if item.get_closest_marker("postgresql")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture
def conf() -> Iterator[Callable[..., None]]:
    """Change settings of the app for one test: conf(beat_schedule={})."""
    conf = current_app.conf
    before: dict[str, Any] = {}

    def change(**settings: Any) -> None:
        for name, value in settings.items():
            before.setdefault(name, conf[name])
            conf[name] = value
        _read_routes_again()

    yield change
    conf.update(before)
    _read_routes_again()


def _read_routes_again() -> None:
    current_app.amqp.flush_routes()
    current_app.amqp.router = current_app.amqp.Router()


@pytest.fixture
def task(conf) -> Iterator[Callable[..., Any]]:
    """Make a task for one test, with a route, as every task must have: task(function, base=...)."""
    app: Celery = current_app._get_current_object()
    autodiscover_modules("tasks")  # or those that this test is the first to import would seem to be its own
    known = set(app.tasks)

    def make(function: Callable[..., Any], **options: Any) -> Any:
        name = f"tests.{function.__name__}"
        conf(task_routes={**app.conf.task_routes, name: {"queue": "fast"}})
        shared_task(name=name, **options)(function)
        return app.tasks[name]

    yield make
    for name in set(app.tasks) - known:
        app.tasks.unregister(name)


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def broker(db) -> Iterator[MemoryBroker]:
    """Publish for real, into queues in memory. `broker.drain()` runs what is in them, as a worker would."""
    with memory_broker(current_app._get_current_object()) as broker:
        yield broker


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run a block as if its transaction had committed: `with committed(): place_order(...)`."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Wait longer: a broker in memory may take a second on a busy machine. Tests of the bound set their own."""
    monkeypatch.setattr(snapshot, "SECONDS", 30)
    monkeypatch.setattr(health, "SECONDS", 30)


@pytest.fixture
def add(task):
    """Return a durable task whose effect is one row with the given name; twice the same name would be an error."""

    def add(name: str, fail: str = "") -> str:
        get_user_model().objects.create(username=name)
        if fail:
            raise {"transient": ConnectionResetError, "wrong": ValueError, "killed": KeyboardInterrupt}[fail](name)
        return name

    return task(add, base=DurableTask)


@pytest.fixture
def long(task):
    """Return the same, not in one transaction."""

    def add_later(name: str) -> None:
        get_user_model().objects.create(username=name)

    return task(add_later, base=DurableTask, one_transaction=False)


@pytest.fixture(autouse=True)
def changes_outside_the_ledger() -> Iterator[list[str]]:
    """Fail each test in which another file of the library than ledger.py sets the state of a job's row."""
    with state_changes.outside_the_ledger() as changes:
        yield changes
    assert not changes
