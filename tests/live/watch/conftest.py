"""A whole shop behind a line to its broker that can be cut, and a real browser that looks at it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[1]
sys.path[:0] = [str(LIVE / "faults"), str(LIVE / "durable")]

from watched import Watched, watched  # noqa: E402  its servers are found by the line above


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Watched]:
    with watched(getattr(request, "param", "redis")) as shop:
        yield shop


@pytest.fixture
def shop(running: Watched) -> Iterator[Watched]:
    """With a fresh browser. Whatever the browser complained about fails the test."""
    with running.fresh():
        yield running
    assert running.complaints == []
