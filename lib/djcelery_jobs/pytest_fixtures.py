"""Offer fixtures to pytest. Import the ones that you use in your conftest.py; this needs pytest-django."""

from collections.abc import Callable, Iterator

import pytest

from djcelery_jobs.testing import Dispatch, record_dispatches

__all__ = ["assert_dispatched"]


@pytest.fixture
def assert_dispatched(db: None) -> Iterator[Callable[..., list[Dispatch]]]:
    """Assert what the test has dispatched: `assert_dispatched(reserve_stock, args=["1"], queue="fast")`."""
    with record_dispatches() as dispatches:
        yield dispatches.assert_dispatched
