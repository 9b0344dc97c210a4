"""What every test may use."""

from collections.abc import Iterator

import pytest
from celery import current_app

from jobs.testing import MemoryBroker, memory_broker


@pytest.fixture
def broker(db) -> Iterator[MemoryBroker]:
    """Publish for real, into queues in memory. `broker.drain()` runs what is in them, as a worker would."""
    with memory_broker(current_app._get_current_object()) as broker:
        yield broker


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Run a block as if its transaction had committed: `with committed(): place_order(...)`."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
