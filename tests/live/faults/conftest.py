"""One project with its crew for each broker and database, cleared before each test; figures go to the summary."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rig import Rig, rig


@pytest.fixture(scope="module")
def crew_at_work(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Two workers of the class `fast`, and beat, under supervision, on the servers that a test asks for."""
    with rig(*request.param.split("-")) as made:
        made.run_workers()
        made.run_beat()
        yield made


@pytest.fixture
def faulty(crew_at_work: Rig) -> Rig:
    """The same, with nothing asked and nothing done yet."""
    crew_at_work.crew.all_ready()
    crew_at_work.clear()
    return crew_at_work
