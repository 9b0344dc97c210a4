"""Run one project for each broker and pool, whose log lines, reports and traces are read back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.logs.log_reader import LogSite, running_log_site


@pytest.fixture(scope="package", params=["redis-prefork", "redis-threads", "rabbitmq-prefork"])
def log_site(request: pytest.FixtureRequest) -> Iterator[LogSite]:
    broker, pool = request.param.split("-")
    with running_log_site(broker, pool) as made:
        yield made
