"""Run one project with its workers for each broker, cleared before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.harness.environment import Environment, running_environment


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def servers(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """Supervise two workers of the class `fast`, one of `slow`, and beat."""
    with running_environment(request.param, "postgres") as made:
        made.supervise_workers()
        made.supervise_workers(1, "slow")
        made.supervise_beat()
        yield made


@pytest.fixture
def environment(servers: Environment) -> Environment:
    servers.supervisor.all_ready()
    servers.clear()
    return servers
