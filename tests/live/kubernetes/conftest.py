"""What the manifests say, done by hand: their commands, settings and probes, with real servers and no cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("faults", "containers"))

from pods import Cluster, cluster


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def production(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made
