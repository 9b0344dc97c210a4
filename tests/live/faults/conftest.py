"""Run one project with its workers for each broker and database, cleared before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.harness.environment import Environment, running_environment


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """Supervise two workers of the class `fast`, and beat, on the servers that a test asks for."""
    with running_environment(*request.param.split("-")) as made:
        made.supervise_workers()
        made.supervise_beat()
        yield made


@pytest.fixture
def environment(servers: Environment) -> Iterator[Environment]:
    """Hand out the environment with no job in it. What a test adds to its services ends with the test."""
    servers.supervisor.all_ready()
    servers.clear()
    usual = list(servers.supervisor.services)
    yield servers
    servers.supervisor.end([service for service in servers.supervisor.services if service not in usual])
