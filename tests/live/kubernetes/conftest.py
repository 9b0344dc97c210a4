"""Do by hand what the manifests say: their commands, settings and probes, with real servers and no cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.kubernetes.pods import Cluster, running_cluster


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def production(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made
