"""Run a project on a broker and a PostgreSQL of its own, for questions that monitoring asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.live.harness.environment import Environment, running_environment
from tests.live.harness.processes import eventually
from tests.live.monitoring.website import Site
from tests.ports import free_port


@pytest.fixture(scope="package", params=["redis", "rabbitmq"])
def servers(request: pytest.FixtureRequest) -> Iterator[Environment]:
    with running_environment(request.param, "postgres", METRICS_TOKEN="token") as made:  # noqa: S106  it protects nothing
        yield made


@pytest.fixture
def environment(servers: Environment) -> Iterator[Environment]:
    """Hand out the environment with no job and no process in it. What a test starts ends with the test."""
    servers.forget_everything()
    yield servers
    servers.end_processes()


@pytest.fixture
def web(environment: Environment) -> Callable[[], Site]:
    """Start one more web process."""

    def start() -> Site:
        port = free_port()
        environment.web(port, "--workers", "1", "--threads", "8", name=f"web-{port}")
        site = Site(port)
        eventually("the web server", lambda: site.get("/health/live").status == 200)
        return site

    return start
