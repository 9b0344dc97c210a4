"""What the manifests say, done by hand: their commands, settings and probes, with real servers and no cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import PROC

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("faults", "containers"))

from pods import Cluster, cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.live)
            if not PROC.is_dir():
                item.add_marker(pytest.mark.skip(reason="another operating system: these tests look into /proc"))


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def production(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made
