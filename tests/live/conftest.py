"""Fixtures of the live tests: one RabbitMQ for all of them, one running shop for each broker, and the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser
from processes import PROC
from servers import MailServer, free_port, rabbitmq
from shop import RunningShop, make_shop

FIGURES = pytest.StashKey[list[str]]()
# One shop shows the defaults, the other the other answers.
FLAGS = {"redis": (), "rabbitmq": ("--results", "django", "--schedule", "database", "--no-sentry")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.live)
            if not PROC.is_dir():
                item.add_marker(pytest.mark.skip(reason="another operating system: these tests look into /proc"))


@pytest.fixture(scope="session")
def amqp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a RabbitMQ that nobody else uses."""
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


@pytest.fixture(scope="session", params=["redis", "rabbitmq"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """A shop under `manage.py dev`, as its README says; on Redis with the broker that `dev` brings along."""
    broker, port, mail = request.param, free_port(), MailServer()
    if broker == "redis":
        variables = {"REDIS_URL": f"redis://localhost:{free_port()}/0"}
    else:
        variables = {"AMQP_URL": request.getfixturevalue("amqp")}
    made = make_shop(tmp_path_factory.mktemp(broker), broker, variables | {"EMAIL_URL": mail.url}, FLAGS[broker])
    dev = made.start("manage.py", "dev", "--port", str(port), name="dev")
    try:
        running = RunningShop(**vars(made), dev=dev, browser=Browser(f"http://localhost:{port}"), mail=mail)
        running.all_ready()
        yield running
    finally:
        dev.end()
        mail.shutdown()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a measured figure; all are printed at the end. None of them decides about a test."""
    return request.config.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(f"figure: {line}")
