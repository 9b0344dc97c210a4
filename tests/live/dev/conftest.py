"""Run one project under `manage.py dev` for each broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.dev.dev_server import DevServer, running_dev_server


@pytest.fixture(scope="package", params=["redis", "rabbitmq"])
def dev_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    with running_dev_server(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running
