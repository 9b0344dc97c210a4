"""The servers are those of the fault suite, the project is that of the measurements."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[1]
sys.path[:0] = [str(LIVE / "faults"), str(LIVE / "durable")]

from ground import Ground, ground  # noqa: E402  found by the line above
from processes import eventually  # noqa: E402
from servers import free_port  # noqa: E402
from website import Site  # noqa: E402


@pytest.fixture(scope="session", params=["redis", "rabbitmq"])
def project_on_servers(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A project on a broker and a PostgreSQL of its own."""
    with ground(request.param, "postgres", METRICS_TOKEN="token") as made:  # noqa: S106  it protects nothing
        yield made


@pytest.fixture
def place(project_on_servers: Ground) -> Iterator[Ground]:
    """The same for all tests of a broker; what a test starts ends with it."""
    yield project_on_servers
    while project_on_servers.processes:
        project_on_servers.processes.pop().end()


@pytest.fixture
def web(place: Ground) -> Callable[[], Site]:
    """Start one more web process."""

    def start() -> Site:
        port = free_port()
        bind = ("--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "8")
        place.start("-m", "gunicorn", "shop.wsgi", *bind, name=f"web-{port}", ready="Booting worker")
        site = Site(port)
        eventually("the web server", lambda: site.get("/health/live").status == 200)
        return site

    return start
