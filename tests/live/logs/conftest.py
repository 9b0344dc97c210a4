"""One running project for each broker and pool; all that it says, reports and traces is looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(LIVE / "faults"), str(LIVE / "durable")]

from speaking import Speaking, speaking  # noqa: E402  found by the line above


@pytest.fixture(scope="session", params=["redis-prefork", "redis-threads", "rabbitmq-prefork"])
def site(request: pytest.FixtureRequest) -> Iterator[Speaking]:
    broker, pool = request.param.split("-")
    with speaking(broker, pool) as made:
        yield made
