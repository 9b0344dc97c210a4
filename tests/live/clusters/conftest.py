"""A project on several brokers that act as one. The rig and the other servers are those of the fault suite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from nodes import running
from rig import Rig, rig_on
from targets import running_database


@pytest.fixture(scope="module")
def at_work(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Two workers of the class `fast`, and beat, on PostgreSQL and the broker that a test asks for."""
    with (
        running(request.param) as broker,
        running_database("postgres") as database,
        rig_on(broker, database, broker.name) as made,
    ):
        made.run_workers()
        made.run_beat()
        yield made


@pytest.fixture
def shop(at_work: Rig) -> Rig:
    """The same, with nothing asked and nothing done yet."""
    at_work.crew.all_ready()
    at_work.clear()
    return at_work
