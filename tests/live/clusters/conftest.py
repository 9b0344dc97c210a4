"""Run a project on several brokers that act as one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.clusters.nodes import running
from tests.live.harness.environment import Environment, environment_on
from tests.live.harness.servers import running_database


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[Environment]:
    """Supervise two workers of the class `fast`, and beat, on PostgreSQL and the broker that a test asks for."""
    with (
        running(request.param) as broker,
        running_database("postgres") as database,
        environment_on(broker, database, broker.name) as made,
    ):
        made.supervise_workers()
        made.supervise_beat()
        yield made


@pytest.fixture
def environment(servers: Environment) -> Environment:
    """Hand out the environment with no job in it, and with every node at work."""
    servers.broker.mend()
    servers.supervisor.all_ready()
    servers.clear()
    return servers
